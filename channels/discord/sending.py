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

from discord.utils import snowflake_time

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
from channels.discord.own_messages import OwnMessages
from channels.discord.render import with_label
from channels.discord.reply_token import ReplyToken
from channels.drafts import LEFT_OVER, draft_of
from channels.errors import NotSent, OutcomeUnknown, RateLimited, Refused
from channels.governor import Governor
from channels.message import Delivery, Destination, JsonObject, Receipt

log = logging.getLogger(__name__)

TOKEN_LIFE: Final = timedelta(minutes=14)  # of 15; the rest is for the way
SUPPRESS_EMBEDS, EPHEMERAL = 1 << 2, 1 << 6
NOBODY: Final = {"parse": [], "replied_user": False}
TOKEN_IS_OVER: Final = frozenset({UNKNOWN_WEBHOOK, UNKNOWN_MESSAGE, UNKNOWN_INTERACTION, BAD_WEBHOOK_TOKEN})
SKEW: Final = timedelta(minutes=1)  # between our clock and that of Discord's ids
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
        self._own_messages = OwnMessages(user_id, rest)
        self._rest = rest
        self._governor = governor
        self._clock = clock
        self._first_response = first_response
        self._direct_chats: OrderedDict[str, str] = OrderedDict()  # by the user's id

    async def wait_turn(self, destination: Destination) -> None:
        """As Channel.wait_turn."""
        await self._governor.wait_free(destination.thread or destination.chat)

    async def send(self, delivery: Delivery) -> Receipt:
        """As Channel.send."""
        place = _place(delivery.destination)
        payload = with_label(delivery.payload, delivery.label) if delivery.label else delivery.payload
        await self._governor.acquire(place, is_group=False)
        return await self._put(delivery, place, payload)

    async def show_draft(self, delivery: Delivery) -> Receipt:
        """As ShowsDrafts.show_draft."""
        place = _place(delivery.destination)
        seconds = self._governor.try_spare(place, is_group=False)
        if seconds:
            raise RateLimited(seconds)
        return await self._put(delivery, place, delivery.payload)

    async def _put(self, delivery: Delivery, place: str, payload: JsonObject) -> Receipt:
        try:
            answer = await self._choose(delivery, place, payload)
        except CallFailed as failure:
            if isinstance(failure, SlowDown):
                self._governor.hold(None if failure.everywhere else place, failure.retry_after_seconds)
            raise channel_error(failure, in_thread=delivery.destination.thread is not None) from None
        if answer.wait_seconds:
            self._governor.hold(place, answer.wait_seconds)
        if LEFT_OVER in payload:
            return Receipt(None)
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
        """As Channel.settle: repeat the edit of a draft, else look for the part among the bot's own messages."""
        place = _place(delivery.destination)
        if LEFT_OVER in delivery.payload:
            raise NotSent("a message may be deleted twice")
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
            draft = draft_of(delivery.payload, delivery.destination)
            if draft is not None and await self._edit(place, draft, delivery.payload) is not None:
                return Receipt(draft)
            chat = self._direct_chats.get(place, place)
            found = await self._own_messages.find(chat, delivery.id, contents, since - SKEW)
        except CallFailed as failure:
            raise channel_error(failure, in_thread=delivery.destination.thread is not None) from None
        if found is None:
            raise NotSent("the message is not in the channel")
        return Receipt(found)

    async def _choose(self, delivery: Delivery, place: str, payload: JsonObject) -> Answer:
        if LEFT_OVER in payload:
            return await self._remove(place, payload[LEFT_OVER]["message"])
        interaction = payload.get("interaction")
        if interaction is None:
            return await self._to_channel(delivery, place, payload)
        token = ReplyToken.parse(interaction["token"])
        await self._first_response(interaction["id"])
        if token is not None and self._is_alive(interaction):
            try:
                return await self._to_asker(delivery, token, interaction["part"], payload)
            except RefusedCall as refusal:
                if refusal.code not in TOKEN_IS_OVER:
                    raise
        if token is not None and token.private:
            raise RefusedCall(404, UNKNOWN_WEBHOOK, "a private answer comes too late for its command")
        return await self._to_channel(delivery, place, payload)

    def _is_alive(self, interaction: JsonObject) -> bool:
        return self._clock.now() < snowflake_time(int(interaction["id"])) + TOKEN_LIFE

    async def _to_asker(self, delivery: Delivery, token: ReplyToken, part: int, payload: JsonObject) -> Answer:
        """The first part takes the place of the deferred answer, the others follow it."""
        webhook = f"/webhooks/{token.application}/{token.token}"
        body, document = _body(payload), payload.get("document")
        shown = "@original" if part == 0 else draft_of(payload, delivery.destination)
        if shown is not None:
            path = f"{webhook}/messages/{shown}"
            return await self._rest.call("PATCH", path, body=body, document=document, with_token=False)
        body["flags"] |= EPHEMERAL if token.private else 0
        return await self._rest.call("POST", webhook, body=body, with_token=False)

    async def _to_channel(self, delivery: Delivery, place: str, payload: JsonObject) -> Answer:
        draft = draft_of(payload, delivery.destination)
        edited = None if draft is None else await self._edit(place, draft, payload)
        if edited is not None:
            return edited
        body, document = _body(payload) | {"nonce": delivery.id, "enforce_nonce": True}, payload.get("document")
        if "reply_to" in payload:
            body["message_reference"] = {"message_id": payload["reply_to"], "fail_if_not_exists": False}
        try:
            return await self._create(self._direct_chats.get(place, place), body, document)
        except RefusedCall as refusal:
            if refusal.code == NO_READING_FOR_REPLY:
                del body["message_reference"]
                return await self._create(place, body, document)
            if refusal.code == UNKNOWN_CHANNEL and delivery.destination.thread is None:
                chat = await self._direct_chat(place)
                if chat is not None:
                    return await self._create(chat, body, document)
            raise

    async def _edit(self, place: str, draft: str, payload: JsonObject) -> Answer | None:
        """None where the draft is gone. https://discord.com/developers/docs/resources/message#edit-message"""
        path, document = f"/channels/{self._direct_chats.get(place, place)}/messages/{draft}", payload.get("document")
        try:
            return await self._rest.call("PATCH", path, body=_body(payload), document=document)
        except RefusedCall as refusal:
            if refusal.code != UNKNOWN_MESSAGE:
                raise
            return None

    async def _remove(self, place: str, message: str) -> Answer:
        """https://discord.com/developers/docs/resources/message#delete-message"""
        try:
            return await self._rest.call(
                "DELETE", f"/channels/{self._direct_chats.get(place, place)}/messages/{message}"
            )
        except RefusedCall as refusal:
            if refusal.code != UNKNOWN_MESSAGE:
                raise
            return Answer(None)

    async def _create(self, channel: str, body: JsonObject, document: JsonObject | None) -> Answer:
        return await self._rest.call("POST", f"/channels/{channel}/messages", body=body, document=document)

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
