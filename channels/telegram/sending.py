"""How a part reaches Telegram: as a new message, or in the place of the draft that showed its beginning.

An edit may be repeated without effect, so a part with a draft arrives once whatever happens; of a new message whose
answer was lost nobody can tell whether it arrived.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import telegram
from telegram.constants import ChatAction
from telegram.error import BadRequest, TelegramError

from channels.drafts import DRAFT, LEFT_OVER, draft_of
from channels.errors import NotSent, OutcomeUnknown, RateLimited, Refused
from channels.governor import Governor
from channels.message import Delivery, Destination, JsonObject, Receipt
from channels.telegram.api import BotApi
from channels.telegram.failures import channel_error
from channels.telegram.render import with_label
from channels.telegram.request import SlowDownError

log = logging.getLogger(__name__)

T = TypeVar("T")

_CHAT: Final = re.compile(r"-?[0-9]{1,16}", re.ASCII)
_UNCHANGED: Final = "message is not modified"
_GONE: Final = ("message to edit not found", "message can't be edited", "message_id_invalid")
_DELETED: Final = "message to delete not found"
_OF_NEW_MESSAGES: Final = frozenset({"message_thread_id", "reply_parameters"})


class Sender:
    """Of one bot."""

    def __init__(self, bot: telegram.Bot, api: BotApi, governor: Governor) -> None:
        self._bot = bot
        self._api = api
        self._governor = governor

    async def wait_turn(self, destination: Destination) -> None:
        """As Channel.wait_turn."""
        await self._governor.wait_free(destination.chat)

    async def send(self, delivery: Delivery) -> Receipt:
        """As Channel.send."""
        place, chat = _place(delivery.destination), delivery.destination.chat
        payload = with_label(delivery.payload, delivery.label) if delivery.label else delivery.payload
        await self._governor.acquire(chat, is_group=_is_group(chat))
        return await self._heeding(chat, self._put(delivery.destination, place, payload))

    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:  # noqa: ARG002 - a port's shape
        """As Channel.settle: the edit of a draft is repeated."""
        if LEFT_OVER in delivery.payload:
            raise NotSent("a message may be deleted twice")
        place, chat = _place(delivery.destination), delivery.destination.chat
        draft = draft_of(delivery.payload, delivery.destination)
        if draft is not None:
            await self._governor.acquire(chat, is_group=_is_group(chat))
            if await self._heeding(chat, self._edit(place, draft, delivery.payload)):
                return Receipt(draft)
        raise OutcomeUnknown("Telegram cannot be asked for a message")

    async def show_draft(self, delivery: Delivery) -> Receipt:
        """As ShowsDrafts.show_draft."""
        place, chat = _place(delivery.destination), delivery.destination.chat
        seconds = self._governor.try_spare(chat, is_group=_is_group(chat))
        if seconds:
            raise RateLimited(seconds)
        return await self._heeding(chat, self._put(delivery.destination, place, delivery.payload))

    async def show_typing(self, destination: Destination) -> None:
        """As Channel.show_typing."""
        if not self._governor.try_acquire(destination.chat):
            return
        try:
            await self._bot.send_chat_action(**_place(destination), action=ChatAction.TYPING)
        except SlowDownError as error:
            self._governor.hold(destination.chat, error.retry_after_seconds)
        except (TelegramError, Refused) as error:
            log.debug("Typing could not be shown", extra={"chat": destination.chat, "reason": str(error)})

    async def _heeding(self, chat: str, call: Awaitable[T]) -> T:
        """What `call` gives. Raises ChannelError; a chat whose limit is reached waits."""
        try:
            return await call
        except TelegramError as error:
            failure = channel_error(error)
            if isinstance(failure, RateLimited):
                self._governor.hold(chat, failure.retry_after_seconds)
            raise failure from None

    async def _put(self, destination: Destination, place: JsonObject, payload: JsonObject) -> Receipt:
        if LEFT_OVER in payload:
            await self._remove(place, draft_of(payload, destination, LEFT_OVER))
            return Receipt(None)
        draft = draft_of(payload, destination)
        if draft is not None and await self._edit(place, draft, payload):
            return Receipt(draft)
        match await self._marked(self._create, {**place, **_without(payload, DRAFT)}):
            case {"message_id": int(message_id)}:
                return Receipt(str(message_id))
            case _:
                raise OutcomeUnknown("the answer is no message")

    async def _edit(self, place: JsonObject, draft: str, payload: JsonObject) -> bool:
        """False where the draft is gone. https://core.telegram.org/bots/api#editmessagetext"""
        parameters = _without({**place, "message_id": int(draft), **payload}, DRAFT, *_OF_NEW_MESSAGES)
        try:
            await self._marked(lambda all_: self._api.call("editMessageText", all_), parameters)
        except BadRequest as error:
            words = error.message.lower()
            if _UNCHANGED not in words and not any(gone in words for gone in _GONE):
                raise
            return _UNCHANGED in words
        return True

    async def _remove(self, place: JsonObject, message: str | None) -> None:
        """https://core.telegram.org/bots/api#deletemessage. None: it stayed behind in a chat that has moved."""
        if message is None:
            return
        try:
            await self._api.call("deleteMessage", {"chat_id": place["chat_id"], "message_id": int(message)})
        except BadRequest as error:
            if _DELETED not in error.message.lower():
                raise

    async def _marked(self, call: Callable[[dict[str, Any]], Awaitable[object]], parameters: dict[str, Any]) -> object:
        """`call` made; once more without the entities where the server refuses these."""
        marks = "caption_entities" if "document" in parameters else "entities"
        try:
            return await call(parameters)
        except BadRequest as error:
            if marks not in parameters or "entit" not in error.message.lower():
                raise
        log.warning("Telegram refuses a part's entities; it goes out plain", extra={"chat": parameters["chat_id"]})
        return await call({**parameters, marks: None})

    async def _create(self, parameters: dict[str, Any]) -> object:
        document = parameters.get("document")
        if document is None:
            return await self._api.call("sendMessage", parameters)
        return await self._api.send_document(_without(parameters, "document"), document["name"], document["text"])


def _place(destination: Destination) -> dict[str, Any]:
    """Where to send to. Raises Refused for ids that are none of Telegram's."""
    if not _CHAT.fullmatch(destination.chat) or not (destination.thread or "0").isdecimal():
        raise Refused("not a Telegram chat")
    place: dict[str, Any] = {"chat_id": int(destination.chat)}
    if destination.thread is not None:
        place["message_thread_id"] = int(destination.thread)
    return place


def _is_group(chat: str) -> bool:
    return chat.startswith("-")


def _without(parameters: JsonObject, *names: str) -> dict[str, Any]:
    return {name: value for name, value in parameters.items() if name not in names}
