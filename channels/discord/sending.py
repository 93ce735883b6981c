"""How a part reaches Discord: as the answer to a command, or as a message in its channel.

Every message bears the outbox id as its nonce, so Discord itself takes a repetition within some minutes for the same
message; a command's answer edits the deferred one, which may be repeated as well. Nobody is ever mentioned.

https://discord.com/developers/docs/resources/message#create-message
"""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final

from discord.utils import snowflake_time, time_snowflake

from channels.clock import Clock
from channels.discord.failures import (
    BAD_WEBHOOK_TOKEN,
    NO_READING_FOR_REPLY,
    UNKNOWN_CHANNEL,
    UNKNOWN_INTERACTION,
    UNKNOWN_MESSAGE,
    UNKNOWN_WEBHOOK,
    AnswerLost,
    CallFailed,
    RefusedCall,
    SlowDown,
    channel_error,
)
from channels.discord.http import Answer, DiscordHttp
from channels.discord.manifest import id_problem
from channels.discord.render import with_label
from channels.discord.reply_token import ReplyToken
from channels.errors import NotSent, OutcomeUnknown, Refused
from channels.governor import Governor
from channels.message import Delivery, Destination, JsonObject, Receipt

log = logging.getLogger(__name__)

TOKEN_LIFE: Final = timedelta(minutes=14)  # of 15; the rest is for the way
SUPPRESS_EMBEDS, EPHEMERAL = 1 << 2, 1 << 6
NOBODY: Final = {"parse": [], "replied_user": False}
TOKEN_IS_OVER: Final = frozenset({UNKNOWN_WEBHOOK, UNKNOWN_MESSAGE, UNKNOWN_INTERACTION, BAD_WEBHOOK_TOKEN})
SKEW: Final = timedelta(minutes=1)  # between our clock and that of Discord's ids
PAGE: Final = 100
MOST_PAGES: Final = 5
MOST_DIRECT_CHATS: Final = 1000


class Sender:
    """Of one account. `first_response` waits for the first response to an interaction that is under way."""

    def __init__(
        self,
        user_id: str,
        rest: DiscordHttp,
        governor: Governor,
        clock: Clock,
        first_response: Callable[[str], Awaitable[None]],
    ) -> None:
        self._user_id = user_id
        self._rest = rest
        self._governor = governor
        self._clock = clock
        self._first_response = first_response
        self._direct_chats: OrderedDict[str, str] = OrderedDict()  # by the user's id

    async def send(self, delivery: Delivery) -> Receipt:
        """As Channel.send."""
        place = _place(delivery.destination)
        payload = with_label(delivery.payload, delivery.label) if delivery.label else delivery.payload
        await self._governor.acquire(place, is_group=False)
        try:
            answer = await self._choose(delivery, place, payload)
        except CallFailed as failure:
            if isinstance(failure, SlowDown):
                self._governor.hold(None if failure.everywhere else place, failure.retry_after_seconds)
            raise channel_error(failure, in_thread=delivery.destination.thread is not None) from None
        if answer.wait_seconds:
            self._governor.hold(place, answer.wait_seconds)
        match answer.data:
            case {"id": str(message_id)}:
                return Receipt(message_id)
            case _:
                raise OutcomeUnknown("Discord's answer is no message")

    async def show_typing(self, destination: Destination) -> None:
        """As Channel.show_typing."""
        try:
            place = _place(destination)
            if self._governor.try_acquire(place):
                await self._rest.call("POST", f"/channels/{place}/typing")
        except SlowDown as slow:
            self._governor.hold(
                None if slow.everywhere else destination.thread or destination.chat, slow.retry_after_seconds
            )
        except (CallFailed, Refused) as error:
            log.debug("Typing could not be shown", extra={"chat": destination.chat, "reason": str(error)})

    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:
        """As Channel.settle: look for the part among the bot's own messages."""
        place = _place(delivery.destination)
        interaction = delivery.payload.get("interaction")
        if interaction is not None and self._is_alive(interaction):
            if interaction["part"] == 0:
                raise NotSent("an answer to a command may be written twice")
            if (ReplyToken.parse(interaction["token"]) or ReplyToken("", "")).private:
                raise OutcomeUnknown("what only the asker sees cannot be looked up")
        contents = {delivery.payload["content"]}
        if delivery.label:
            contents.add(with_label(delivery.payload, delivery.label)["content"])
        try:
            found = await self._find(self._direct_chats.get(place, place), delivery.id, contents, since - SKEW)
        except CallFailed as failure:
            raise channel_error(failure, in_thread=delivery.destination.thread is not None) from None
        if found is None:
            raise NotSent("the message is not in the channel")
        return Receipt(found)

    async def _choose(self, delivery: Delivery, place: str, payload: JsonObject) -> Answer:
        interaction = payload.get("interaction")
        if interaction is None:
            return await self._to_channel(delivery, place, payload)
        token = ReplyToken.parse(interaction["token"])
        await self._first_response(interaction["id"])
        if token is not None and self._is_alive(interaction):
            try:
                return await self._to_asker(token, interaction["part"], payload)
            except RefusedCall as refusal:
                if refusal.code not in TOKEN_IS_OVER:
                    raise
        if token is not None and token.private:
            raise RefusedCall(404, UNKNOWN_WEBHOOK, "a private answer comes too late for its command")
        return await self._to_channel(delivery, place, payload)

    def _is_alive(self, interaction: JsonObject) -> bool:
        return self._clock.now() < snowflake_time(int(interaction["id"])) + TOKEN_LIFE

    async def _to_asker(self, token: ReplyToken, part: int, payload: JsonObject) -> Answer:
        """The first part takes the place of the deferred answer, the others follow it."""
        webhook = f"/webhooks/{token.application}/{token.token}"
        body = _body(payload)
        if part == 0:
            return await self._rest.call("PATCH", f"{webhook}/messages/@original", body=body, with_token=False)
        body["flags"] |= EPHEMERAL if token.private else 0
        return await self._rest.call("POST", webhook, body=body, with_token=False)

    async def _to_channel(self, delivery: Delivery, place: str, payload: JsonObject) -> Answer:
        body = _body(payload) | {"nonce": delivery.id, "enforce_nonce": True}
        if "reply_to" in payload:
            body["message_reference"] = {"message_id": payload["reply_to"], "fail_if_not_exists": False}
        try:
            return await self._create(self._direct_chats.get(place, place), body)
        except RefusedCall as refusal:
            if refusal.code == NO_READING_FOR_REPLY:
                del body["message_reference"]
                return await self._create(place, body)
            if refusal.code == UNKNOWN_CHANNEL and delivery.destination.thread is None:
                chat = await self._direct_chat(place)
                if chat is not None:
                    return await self._create(chat, body)
            raise

    async def _create(self, channel: str, body: JsonObject) -> Answer:
        return await self._rest.call("POST", f"/channels/{channel}/messages", body=body)

    async def _direct_chat(self, user: str) -> str | None:
        """The direct chat with a user (an owner is known by the user's id alone); None where there is no such user."""
        try:
            told = (await self._rest.call("POST", "/users/@me/channels", body={"recipient_id": user})).data
        except (RefusedCall, AnswerLost):
            return None
        match told:
            case {"id": str(channel)}:
                self._direct_chats[user] = channel
                if len(self._direct_chats) > MOST_DIRECT_CHATS:
                    self._direct_chats.popitem(last=False)
                return channel
            case _:
                return None

    async def _find(self, channel: str, nonce: str, contents: set[str], since: datetime) -> str | None:
        """The id of the bot's own message with `nonce` or, where Discord names none, one of `contents`."""
        after = time_snowflake(since)
        for _ in range(MOST_PAGES):
            messages = await self._history(channel, {"after": str(after), "limit": PAGE})
            for message in messages:
                if self._is_ours(message, nonce, contents):
                    return str(message["id"])
            if not messages and not await self._history(channel, {"limit": 1}):
                raise AnswerLost("the bot may not read the history")  # which Discord shows as an empty one
            if len(messages) < PAGE:
                return None
            after = max(int(message["id"]) for message in messages)
        raise AnswerLost("too much was said since to find the message")

    async def _history(self, channel: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        page = (await self._rest.call("GET", f"/channels/{channel}/messages", query=query)).data
        return [message for message in page if isinstance(message, dict)] if isinstance(page, list) else []

    def _is_ours(self, message: dict[str, Any], nonce: str, contents: set[str]) -> bool:
        match message:
            case {"author": {"id": self._user_id}, "id": str(), "content": str(content)}:
                told = message.get("nonce")
                return told == nonce if told is not None else content in contents
            case _:
                return False


def _place(destination: Destination) -> str:
    """The channel, thread or user to send to. Raises Refused for ids that are none of Discord's."""
    place = destination.thread or destination.chat
    if id_problem("peer", place) is not None:
        raise Refused("not a Discord channel")
    return place


def _body(payload: JsonObject) -> dict[str, Any]:
    # A link that the model was talked into must not fetch a picture by itself.
    body: dict[str, Any] = {"content": payload["content"], "allowed_mentions": NOBODY, "flags": SUPPRESS_EMBEDS}
    if "components" in payload:
        body["components"] = payload["components"]
    return body
