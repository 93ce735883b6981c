"""A bot without tokens: the same house, pointed at the local stand-ins, with a home of its own.

Nothing simulated ever reaches a real chat: state, queue and transcripts live under `<home>/simulator/`.
"""

import errno
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from bot.errors import ConfigurationError
from bot.settings.doors import DispatchSettings, GatewaySettings
from bot.settings.language_models import CooldownSettings, ModelEntry
from bot.settings.model import Settings
from channels.clock import Clock
from channels.config import BotAccount
from channels.discord.config import DiscordConfig, DiscordRate
from channels.simulator.journal import JournalInUse
from channels.simulator.owners import DISCORD_OWNERS, TELEGRAM_OWNERS
from channels.simulator.server import Simulator, run_simulator
from channels.telegram.config import TelegramConfig, TelegramRate
from channels.web.config import WebConfig

PAGE_PORT: Final = 8090
# Who tries a fault of the model with one click must not wait a quarter of an hour for its next answer.
COOLDOWN: Final = CooldownSettings(rate_limit=5, timeout=5, server=5, auth=15, billing=15)


@asynccontextmanager
async def simulated(settings: Settings, port: int | None, clock: Clock) -> AsyncIterator[tuple[Settings, Simulator]]:
    """The settings for a bot among stand-ins, and the running stand-ins: see `stand_ins`. Raises ConfigurationError."""
    async with stand_ins(settings, port, clock) as simulator:
        yield _pointed_at(settings, simulator), simulator


@asynccontextmanager
async def stand_in_models(settings: Settings, clock: Clock) -> AsyncIterator[Settings]:
    """The settings with a stand-in for each model that has no key, in this process."""
    async with run_simulator(port=0, state_dir=None, clock=clock) as simulator:
        yield replace(settings, model_list=[_model(entry, simulator) for entry in settings.model_list])


@asynccontextmanager
async def stand_ins(settings: Settings, port: int | None, clock: Clock) -> AsyncIterator[Simulator]:
    """The stand-ins alone, their page on `port` (None: PAGE_PORT, or any free one where that is taken).

    Raises ConfigurationError when they cannot start.
    """
    async with AsyncExitStack() as stack:
        home = settings.simulator_home
        try:
            for folder in (settings.home, home):  # each by itself: `mode` does not hold for parents
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            simulator = await _open(stack, port, home / "platforms", clock)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigurationError(f"something else listens on port {port}: change --port") from error
            if isinstance(error, JournalInUse):
                fault = f"another simulator already uses {home}: end it, or set JAVIS_HOME to another folder"
                raise ConfigurationError(fault) from error
            fault = f"the simulator cannot start: {error.filename or home}: {error.strerror or error}"
            remedy = "check the folder's rights, or set JAVIS_HOME to another folder"
            raise ConfigurationError(f"{fault}: {remedy}") from error
        yield simulator


async def _open(stack: AsyncExitStack, port: int | None, state_dir: Path, clock: Clock) -> Simulator:
    first = PAGE_PORT if port is None else port
    try:
        return await stack.enter_async_context(run_simulator(port=first, state_dir=state_dir, clock=clock))
    except OSError as error:
        if port is not None or error.errno != errno.EADDRINUSE:
            raise
    return await stack.enter_async_context(run_simulator(port=0, state_dir=state_dir, clock=clock))


def _pointed_at(settings: Settings, simulator: Simulator) -> Settings:
    telegram = TelegramConfig(
        accounts={"default": BotAccount(token=SecretStr(simulator.telegram_token))},
        api_base=simulator.telegram_api_base,
        rate=TelegramRate(bot_per_second=None, chat_per_second=None, group_per_minute=None),
        dm_policy="open",
        group_policy="open",
        require_mention=False,
        owners=TELEGRAM_OWNERS,
        streaming=True,
    )
    discord = DiscordConfig(
        accounts={"default": BotAccount(token=SecretStr(simulator.discord_token))},
        api_base=simulator.discord_api_base,
        rate=DiscordRate(bot_per_second=None, chat_per_second=None),
        dm_policy="open",
        group_policy="open",
        require_mention=False,
        owners=DISCORD_OWNERS,
        streaming=True,
    )
    home = settings.simulator_home
    return replace(
        settings,
        channels={"telegram": telegram, "discord": discord, "web": settings.channels.get("web", WebConfig())},
        gateway=_anywhere(settings.gateway),
        dispatch=_listening_anywhere(settings.dispatch),
        model_list=[_model(entry, simulator) for entry in settings.model_list],
        cooldown=settings.cooldown if any(entry.api_key for entry in settings.model_list) else COOLDOWN,
        home=home,
        database=home / "javis.db",
    )


def _anywhere(gateway: GatewaySettings) -> GatewaySettings:
    """A newcomer's port 8080 may be taken: any free one will do, unless the settings name one."""
    return gateway if "port" in gateway.model_fields_set else gateway.model_copy(update={"port": 0})


def _listening_anywhere(dispatch: DispatchSettings) -> DispatchSettings:
    """The same for webhooks."""
    return dispatch if "webhook_port" in dispatch.model_fields_set else dispatch.model_copy(update={"webhook_port": 0})


def _model(entry: ModelEntry, simulator: Simulator) -> ModelEntry:
    """A model with a key stays real, so that a newcomer who has one may use it; the others are played, and see."""
    if entry.api_key is not None:
        return entry
    played = {"api_base": simulator.model_api_base, "api_key": SecretStr(simulator.model_key), "vision": True}
    return entry.model_copy(update=played)
