"""Discord keeps the contract of channels, against the simulated REST API and gateway."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from pydantic import SecretStr
from typing_extensions import override

from channels.clock import ManualClock
from channels.config import BotAccount
from channels.discord.config import DiscordConfig
from channels.message import Destination, JsonObject
from channels.port import Channel, ChannelContext, ShortMemory
from channels.registry import load_manifests, open_channel
from channels.simulator.discord.permissions import SEND_MESSAGES
from channels.simulator.discord.seed import CHANNEL, GUILD, PEOPLE
from channels.simulator.server import Simulator, run_simulator
from channels.testing import ChannelContract, ChannelHarness, Fault


class DiscordHarness(ChannelHarness):
    """A channel of a server; the rates are those of the real platform."""

    faults: Collection[Fault] = {"rate_limited", "refused", "closed", "lost_answer", "server_error", "unauthorized"}
    destination = Destination("discord", "default", CHANNEL)

    def __init__(self, simulator: Simulator, clock: ManualClock) -> None:
        self._simulator = simulator
        self.clock = clock
        self.memory = ShortMemory()
        self._token = simulator.discord_token

    @override
    def open(self) -> AbstractAsyncContextManager[Channel]:
        config = DiscordConfig(
            accounts={"default": BotAccount(token=SecretStr(self._token))},
            api_base=self._simulator.discord_api_base,
        )
        return open_channel(load_manifests()["discord"], ChannelContext("default", config, self.clock, self.memory))

    @override
    async def say(self, text: str) -> None:
        self._simulator.discord.say(CHANNEL, PEOPLE[0], text)

    @override
    def inject(self, fault: Fault) -> None:
        platform = self._simulator.discord
        match fault:
            case "rate_limited":
                platform.faults.switch_on("rate_limit", "createMessage", count=1, seconds=7)
            case "lost_answer":
                platform.faults.switch_on("lose_answer", "createMessage", count=1)
            case "server_error":
                platform.faults.switch_on("server_error", "createMessage", count=1, status=502)
            case "refused":
                platform.servers.deny(CHANNEL, SEND_MESSAGES)
            case "closed":
                platform.servers.remove_bot(GUILD)
            case "unauthorized":
                platform.reset_token()
            case _:
                raise AssertionError(fault)

    @override
    def text(self, payload: JsonObject) -> str:
        return str(payload["content"])

    @override
    def received(self) -> Sequence[str]:
        return [str(message["content"]) for message in self._simulator.discord.sent(CHANNEL)]


class TestDiscord(ChannelContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[ChannelHarness]:
        clock = ManualClock()
        async with run_simulator(port=0, state_dir=None, clock=clock) as simulator:
            yield DiscordHarness(simulator, clock)
