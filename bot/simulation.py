"""A bot without tokens: the same house, pointed at the local stand-ins, with a home of its own.

Nothing simulated ever reaches a real chat: state, queue and transcripts live under `<home>/simulator/`.
"""

import errno
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from pydantic import SecretStr

from bot.errors import ConfigurationError
from bot.settings.model import GatewaySettings, ModelEntry, Settings
from channels.clock import Clock
from channels.config import AccountConfig
from channels.simulator.server import Simulator, run_simulator
from channels.telegram.config import TelegramConfig, TelegramRate
from channels.web.config import WebConfig


@asynccontextmanager
async def simulated(settings: Settings, port: int, clock: Clock) -> AsyncIterator[tuple[Settings, Simulator]]:
    """The settings for a bot among stand-ins, and the running stand-ins. Raises ConfigurationError."""
    async with stand_ins(settings, port, clock) as simulator:
        yield _pointed_at(settings, simulator), simulator


@asynccontextmanager
async def stand_ins(settings: Settings, port: int, clock: Clock) -> AsyncIterator[Simulator]:
    """The stand-ins alone. Raises ConfigurationError when they cannot start."""
    async with AsyncExitStack() as stack:
        try:
            simulator = await stack.enter_async_context(
                run_simulator(port=port, state_dir=settings.home / "simulator" / "platforms", clock=clock)
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ConfigurationError(f"port {port} is in use: choose another with --port") from error
            raise ConfigurationError(f"the simulator cannot start: {error.strerror or error}") from error
        yield simulator


def _pointed_at(settings: Settings, simulator: Simulator) -> Settings:
    telegram = TelegramConfig(
        accounts={"default": AccountConfig(token=SecretStr(simulator.telegram_token))},
        api_base=simulator.telegram_api_base,
        rate=TelegramRate(bot_per_second=None, chat_per_second=None, group_per_minute=None),
        dm_policy="open",
        group_policy="open",
        require_mention=False,
    )
    home = settings.home / "simulator"
    return replace(
        settings,
        channels={"telegram": telegram, "web": settings.channels.get("web", WebConfig())},
        gateway=_anywhere(settings.gateway),
        model_list=[_model(entry, simulator) for entry in settings.model_list],
        home=home,
        database=home / "javis.db",
    )


def _anywhere(gateway: GatewaySettings) -> GatewaySettings:
    """A newcomer's port 8080 may be taken: any free one will do, unless the settings name one."""
    return gateway if "port" in gateway.model_fields_set else gateway.model_copy(update={"port": 0})


def _model(entry: ModelEntry, simulator: Simulator) -> ModelEntry:
    """A model with a key stays real, so that a newcomer who has one may use it; the others are played."""
    if entry.api_key is not None:
        return entry
    return entry.model_copy(update={"api_base": simulator.model_api_base, "api_key": SecretStr(simulator.model_key)})
