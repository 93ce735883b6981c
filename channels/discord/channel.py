"""Discord as a channel: one bot, over discord.py's gateway and one REST client."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import discord
from discord.http import Route
from discord.utils import time_snowflake
from typing_extensions import override

from channels.bot_channel import BotChannel
from channels.capabilities import Capabilities
from channels.discord.catchup import CatchUp
from channels.discord.commands import command_payloads, fingerprint
from channels.discord.config import DiscordConfig
from channels.discord.cursors import Cursors
from channels.discord.failures import CallFailed, channel_error
from channels.discord.gateway import GatewayClient
from channels.discord.http import DiscordHttp
from channels.discord.identify import IdentifyBudget
from channels.discord.interactions import Interactions
from channels.discord.parse import Me, parse_event
from channels.discord.places import Places
from channels.discord.reading import Reader
from channels.discord.render import PART_UNITS, render_message
from channels.discord.sending import Sender
from channels.errors import ChannelError, NotSent, Unauthorized
from channels.governor import Governor
from channels.message import Attachment, InboundMessage, JsonObject, OutboundMessage
from channels.port import Channel, ChannelContext, CommandCard, Inbox

log = logging.getLogger(__name__)

CAPABILITIES: Final = Capabilities(
    text_limit=PART_UNITS,
    text_unit="utf16",
    markup="markdown",
    threads=True,
    edits=True,
    typing=True,
    buttons=True,
    files=True,
)
NO_TEXT_NOTE: Final = (
    "Discord hides the text of server messages that do not mention the bot; switch on Message Content Intent under "
    "https://discord.com/developers/applications → your application → Bot, then restart"
)
MESSAGE_CONTENT_FLAGS: Final = 1 << 18 | 1 << 19
# https://discord.com/developers/docs/resources/application#application-object-application-flags
ELSEWHERE_NOTE: Final = (
    "Discord sends this application's commands and buttons to an Interactions Endpoint URL, so the bot never hears of "
    "them; clear that field under https://discord.com/developers/applications, then restart"
)
COMMANDS: Final = "commands"  # the name under which the fingerprint of the published menu is remembered


@asynccontextmanager
async def open_discord(context: ChannelContext) -> AsyncIterator[Channel]:
    """Ask Discord who the bot is, and be it. Raises Unauthorized, NotSent and other ChannelErrors."""
    config: DiscordConfig = context.config
    account = config.accounts.get(context.account)
    token = account.token.get_secret_value().strip() if account and account.token else ""
    if not token or not token.isascii() or not token.isprintable():
        raise Unauthorized(f"no usable token for the Discord account {context.account}")
    rest = DiscordHttp(config.api_base)
    try:
        user, application = await _log_in(rest, token)
        channel = await _channel(context, config, rest, user, application)
        async with channel.client:
            yield channel
    finally:
        await rest.close()


async def _log_in(rest: DiscordHttp, token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Our user and our application. Raises ChannelError."""
    try:
        user: Any = await rest.static_login(token)
        application: Any = await rest.request(Route("GET", "/applications/@me"))
    except CallFailed as failure:
        raise _at_login(failure) from None
    match user, application:
        case {"id": str(), "username": str()}, {"id": str()}:
            return user, application
        case _:
            raise NotSent("the server at api_base does not speak Discord's API")


def _at_login(failure: CallFailed) -> ChannelError:
    """Nothing was sent yet, so nothing can be unknown."""
    error = channel_error(failure)
    return error if isinstance(error, NotSent) else NotSent(str(failure))


async def _channel(
    context: ChannelContext, config: DiscordConfig, rest: DiscordHttp, user: dict[str, Any], application: dict[str, Any]
) -> "DiscordChannel":
    cursors = await Cursors.load(context.memory)
    if not cursors.mark:  # from now on nothing is missed
        await context.memory.remember(cursors.move_mark(time_snowflake(context.clock.now())))
    return DiscordChannel(context, config, rest, user, application, cursors)


class DiscordChannel(BotChannel):
    """`client` is to be entered before `receive`."""

    capabilities = CAPABILITIES

    def __init__(
        self,
        context: ChannelContext,
        config: DiscordConfig,
        rest: DiscordHttp,
        user: dict[str, Any],
        application: dict[str, Any],
        cursors: Cursors,
    ) -> None:
        clock = context.clock
        self._me = Me(context.account, user["id"], user["username"])
        self._application: str = application["id"]
        self._rest = rest
        self._long_answers = config.long_answers
        self._streams = config.streams(context.account)
        self._memory = context.memory
        sees_text = _sees_text(application)
        elsewhere = bool(application.get("interactions_endpoint_url"))
        self._notes = (*(() if sees_text else (NO_TEXT_NOTE,)), *((ELSEWHERE_NOTE,) if elsewhere else ()))
        self._interactions = Interactions(rest, clock, context.try_again)
        governor = Governor(clock, config.rate.bot_per_second, config.rate.chat_per_second, None)
        self._sender = Sender(user["id"], rest, governor, clock, self._interactions.first_response)
        self.client = GatewayClient(
            rest=rest,
            intents=_intents(message_content=sees_text),
            budget=IdentifyBudget(context.memory, clock),
            clock=clock,
            take=self._take,
        )
        catch_up = CatchUp(user["id"], rest, cursors, clock, self.client.get_guild)
        places = Places(rest, self.client.get_guild)
        self._reader = Reader(user["id"], catch_up, places, context.memory, cursors, clock)
        self._open: tuple[Inbox, asyncio.TaskGroup] | None = None

    @property
    @override
    def identity(self) -> str:
        return f"@{self._me.username}"

    @property
    @override
    def notes(self) -> Sequence[str]:
        return self._notes

    @override
    async def receive(self, inbox: Inbox) -> None:
        refusal: Unauthorized | None = None
        try:
            async with asyncio.TaskGroup() as group:
                self._open = inbox, group
                group.create_task(self._reader.run(inbox), name="discord reader")
                await self.client.run_gateway()
        except* Unauthorized as refusals:
            refusal = Unauthorized(str(refusals.exceptions[0]))
        finally:
            self._open = None
        if refusal is not None:
            raise refusal

    def _take(self, event: str, data: dict[str, Any]) -> None:
        if event != "INTERACTION_CREATE":
            self._reader.take(event, data)
        elif self._open is not None:
            self._interactions.begin(data, *self._open)

    @override
    def parse(self, raw: JsonObject) -> InboundMessage | None:
        return parse_event(raw, self._me)

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return render_message(message, self._long_answers)

    @override
    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes | None:
        return await self._rest.download(attachment.reference, most_bytes)

    @override
    async def acknowledge_press(self, raw: JsonObject) -> None:
        """Done already: Discord waits only three seconds, so a press is answered when it is stored."""

    @override
    async def publish_commands(self, commands: Sequence[CommandCard]) -> None:
        """Only where they differ from those that were published last: Discord counts each creation."""
        self._interactions.know(commands)
        payloads = command_payloads(commands)
        mark = fingerprint(self._application, payloads)
        if (await self._memory.recall(COMMANDS)).get(COMMANDS) == mark:
            return
        try:
            await self._rest.call("PUT", f"/applications/{self._application}/commands", body=payloads)
        except CallFailed as failure:
            raise channel_error(failure) from None
        await self._memory.remember({COMMANDS: mark})


def _intents(*, message_content: bool) -> discord.Intents:
    return discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=message_content)


def _sees_text(application: dict[str, Any]) -> bool:
    """Whether the owner has switched the intent on: asked for without, Discord closes the connection (4014)."""
    flags = application.get("flags")
    return isinstance(flags, int) and flags & MESSAGE_CONTENT_FLAGS != 0
