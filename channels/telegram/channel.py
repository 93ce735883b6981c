"""Telegram as a channel: one bot, over `telegram.Bot` without the library's Application."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import telegram
from pydantic import ValidationError
from telegram.error import InvalidToken, TelegramError
from typing_extensions import override

from channels.bot_channel import BotChannel
from channels.capabilities import Capabilities
from channels.clock import Clock
from channels.errors import NotSent, Unauthorized
from channels.governor import Governor
from channels.message import (
    Attachment,
    ChatChange,
    InboundMessage,
    JsonObject,
    OutboundMessage,
)
from channels.port import (
    Channel,
    ChannelContext,
    CommandCard,
    HttpRequest,
    HttpResponse,
    Inbox,
    TakesRequests,
)
from channels.telegram.api import BotApi
from channels.telegram.config import TelegramConfig, TelegramWebhook
from channels.telegram.failures import channel_error
from channels.telegram.parse import Me, parse_update
from channels.telegram.polling import UpdateLoop
from channels.telegram.render import PART_UNITS, render_message
from channels.telegram.request import AiohttpRequest
from channels.telegram.sending import Sender
from channels.telegram.webhook import UpdateDoor
from channels.telegram.wire import Myself

log = logging.getLogger(__name__)

CAPABILITIES: Final = Capabilities(
    text_limit=PART_UNITS,
    text_unit="utf16",
    markup="entities",
    threads=True,
    edits=True,
    typing=True,
    buttons=True,
    files=True,
)
PRIVACY_NOTE: Final = (
    "Telegram's privacy mode hides group messages that are not commands, mentions or replies to the bot; "
    "@BotFather /setprivacy switches it off, then remove the bot from the group and add it again"
)
DESCRIPTION_LENGTH: Final = 256  # https://core.telegram.org/bots/api#botcommand


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
        updates = _updates(BotApi(request, bot.base_url), context.clock, context.account, config.webhook)
        yield TelegramChannel(bot, request, me, context.account, governor, updates, config)


def _updates(api: BotApi, clock: Clock, account: str, webhook: TelegramWebhook | None) -> UpdateLoop | UpdateDoor:
    return UpdateLoop(api, clock, account) if webhook is None else UpdateDoor(api, clock, account, webhook)


class TelegramChannel(BotChannel, TakesRequests):
    """One bot. `updates` is where they come from."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        bot: telegram.Bot,
        request: AiohttpRequest,
        myself: Myself,
        account: str,
        governor: Governor,
        updates: UpdateLoop | UpdateDoor,
        config: TelegramConfig,
    ) -> None:
        self._bot = bot
        self._request = request
        self._api = BotApi(request, bot.base_url)
        self._me = Me(account, myself.id, myself.username or "")
        self._reads_all = myself.can_read_all_group_messages
        self._sender = Sender(bot, self._api, governor)
        self._updates = updates
        self._long_answers = config.long_answers
        self._streams = config.streams(account)

    @property
    @override
    def identity(self) -> str:
        return f"@{self._me.username}"

    @property
    @override
    def notes(self) -> Sequence[str]:
        return () if self._reads_all else (PRIVACY_NOTE,)

    @property
    @override
    def expected_by(self) -> float | None:
        return self._updates.expected_by

    @override
    async def receive(self, inbox: Inbox) -> None:
        await self._updates.run(inbox)

    @override
    async def take_request(self, request: HttpRequest) -> HttpResponse:
        """Of use where the settings name a webhook."""
        if isinstance(self._updates, UpdateDoor):
            return await self._updates.take(request)
        return HttpResponse(404, {"error": "this bot polls: set channels.telegram.webhook"})

    @override
    def parse(self, raw: JsonObject) -> InboundMessage | ChatChange | None:
        return parse_update(raw, self._me)

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return render_message(message, self._long_answers)

    @override
    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes | None:
        try:
            told = await self._api.call("getFile", {"file_id": attachment.reference})
            match told:
                case {"file_path": str(path)} if "://" not in path:
                    return await self._request.download(f"{self._bot.base_file_url}/{path}", most_bytes)
        except TelegramError as error:
            log.info("A file could not be had", extra={"reason": error.message})
        return None

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


async def _ask_identity(api: BotApi) -> Myself:
    """https://core.telegram.org/bots/api#getme. Raises ChannelError."""
    try:
        return Myself.model_validate(await api.call("getMe", {}))
    except TelegramError as error:
        raise channel_error(error) from None
    except ValidationError:
        raise NotSent("the server at api_base does not speak the Bot API") from None
