"""Telegram as a channel: one bot, over `telegram.Bot` without the library's Application."""

import logging
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import telegram
from pydantic import ValidationError
from telegram.constants import ChatAction
from telegram.error import BadRequest, InvalidToken, TelegramError
from typing_extensions import override

from channels.capabilities import Capabilities
from channels.clock import Clock
from channels.errors import NotSent, OutcomeUnknown, RateLimited, Refused, Unauthorized
from channels.governor import Governor
from channels.message import ChatChange, Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import Channel, ChannelContext, CommandCard, Inbox
from channels.telegram.api import BotApi
from channels.telegram.config import TelegramConfig
from channels.telegram.failures import channel_error
from channels.telegram.parse import Me, parse_update
from channels.telegram.polling import UpdateLoop
from channels.telegram.render import PART_UNITS, render_message, with_label
from channels.telegram.request import AiohttpRequest, SlowDownError
from channels.telegram.wire import Myself

log = logging.getLogger(__name__)

CAPABILITIES: Final = Capabilities(
    text_limit=PART_UNITS,
    text_unit="utf16",
    markup="entities",
    threads=True,
    typing=True,
    buttons=True,
)
PRIVACY_NOTE: Final = (
    "Telegram's privacy mode hides group messages that are not commands, mentions or replies to the bot; "
    "@BotFather /setprivacy switches it off, then remove the bot from the group and add it again"
)
DESCRIPTION_LENGTH: Final = 256  # https://core.telegram.org/bots/api#botcommand
_CHAT: Final = re.compile(r"-?[0-9]{1,16}", re.ASCII)


@asynccontextmanager
async def open_telegram(context: ChannelContext) -> AsyncIterator[Channel]:
    """Ask Telegram who the bot is, and be it. Raises Unauthorized, NotSent and other ChannelErrors."""
    config: TelegramConfig = context.config
    account = config.accounts.get(context.account)
    if account is None or account.token is None:
        raise Unauthorized(f"no token for the Telegram account {context.account}")
    token = account.token.get_secret_value()
    async with AiohttpRequest() as request:
        bot = _bot(token, config.api_base, request)
        me = await _ask_identity(BotApi(request, bot.base_url))
        rate = config.rate
        governor = Governor(context.clock, rate.bot_per_second, rate.chat_per_second, rate.group_per_minute)
        yield TelegramChannel(bot, me, context.account, governor, context.clock)


class TelegramChannel(Channel):
    def __init__(self, bot: telegram.Bot, myself: Myself, account: str, governor: Governor, clock: Clock) -> None:
        self._bot = bot
        self._api = BotApi(bot.request, bot.base_url)
        self._me = Me(account, myself.id, myself.username or "")
        self._reads_all = myself.can_read_all_group_messages
        self._governor = governor
        self._updates = UpdateLoop(self._api, clock, account)

    @property
    @override
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    @override
    def identity(self) -> str:
        return f"@{self._me.username}"

    @property
    @override
    def notes(self) -> Sequence[str]:
        return () if self._reads_all else (PRIVACY_NOTE,)

    @property
    def last_success(self) -> float | None:
        """When, on the monotonic clock, a poll last went well; None: not yet."""
        return self._updates.last_success

    @override
    async def receive(self, inbox: Inbox) -> None:
        await self._updates.run(inbox)

    @override
    def parse(self, raw: JsonObject) -> InboundMessage | ChatChange | None:
        return parse_update(raw, self._me)

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return render_message(message)

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        payload = with_label(delivery.payload, delivery.label) if delivery.label else delivery.payload
        parameters = {**_place(delivery.destination), **payload}
        chat = delivery.destination.chat
        await self._governor.acquire(chat, is_group=chat.startswith("-"))
        try:
            result = await self._send(parameters)
        except TelegramError as error:
            failure = channel_error(error)
            if isinstance(failure, RateLimited):
                self._governor.hold(chat, failure.retry_after_seconds)
            raise failure from None
        match result:
            case {"message_id": int(message_id)}:
                return Receipt(str(message_id))
            case _:
                raise OutcomeUnknown("the answer to sendMessage is no message")

    async def _send(self, parameters: dict[str, Any]) -> object:
        try:
            return await self._api.call("sendMessage", parameters)
        except BadRequest as error:
            if "entities" not in parameters or "entit" not in error.message.lower():
                raise
        log.warning("Telegram refuses a part's entities; it goes out plain", extra={"chat": parameters["chat_id"]})
        return await self._api.call("sendMessage", {**parameters, "entities": None})

    @override
    async def show_typing(self, destination: Destination) -> None:
        if not self._governor.try_acquire(destination.chat):
            return
        try:
            await self._bot.send_chat_action(**_place(destination), action=ChatAction.TYPING)
        except SlowDownError as error:
            self._governor.hold(destination.chat, error.retry_after_seconds)
        except (TelegramError, Refused) as error:
            log.debug("Typing could not be shown", extra={"chat": destination.chat, "reason": str(error)})

    @override
    async def acknowledge_press(self, raw: JsonObject) -> None:
        match raw:
            case {"callback_query": {"id": str(query_id)}}:
                try:
                    await self._bot.answer_callback_query(query_id)
                except TelegramError as error:
                    log.debug("A pressed button keeps waiting", extra={"reason": error.message})

    @override
    async def publish_commands(self, commands: Sequence[CommandCard]) -> None:
        """Telegram knows languages by two letters alone: of several Chinese menus the first one counts."""
        by_code: dict[str, str] = {}
        for tag in (tag for card in commands for tag in card.descriptions):
            by_code.setdefault(tag.partition("-")[0].lower(), tag)
        try:
            for code, tag in by_code.items():
                menu = [
                    (card.name, card.descriptions[tag][:DESCRIPTION_LENGTH])
                    for card in commands
                    if tag in card.descriptions
                ]
                await self._bot.set_my_commands(menu, language_code=code)
        except TelegramError as error:
            raise channel_error(error) from None


def _bot(token: str, api_base: str, request: AiohttpRequest) -> telegram.Bot:
    """Raises Unauthorized for what can be no token."""
    try:
        return telegram.Bot(
            token,
            base_url=f"{api_base}/bot",
            base_file_url=f"{api_base}/file/bot",
            request=request,
            get_updates_request=request,
        )
    except InvalidToken:
        raise Unauthorized("the Telegram token is empty") from None


def _place(destination: Destination) -> dict[str, Any]:
    """Where to send to. Raises Refused for ids that are none of Telegram's."""
    if not _CHAT.fullmatch(destination.chat) or not (destination.thread or "0").isdecimal():
        raise Refused("not a Telegram chat")
    place: dict[str, Any] = {"chat_id": int(destination.chat)}
    if destination.thread is not None:
        place["message_thread_id"] = int(destination.thread)
    return place


async def _ask_identity(api: BotApi) -> Myself:
    """https://core.telegram.org/bots/api#getme. Raises ChannelError."""
    try:
        return Myself.model_validate(await api.call("getMe", {}))
    except TelegramError as error:
        raise channel_error(error) from None
    except ValidationError:
        raise NotSent("the server at api_base does not speak the Bot API") from None
