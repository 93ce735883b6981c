"""Telegram keeps the contract of channels, against the simulated Bot API."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager

import pytest
from pydantic import SecretStr
from typing_extensions import override

from channels.clock import ManualClock
from channels.config import AccountConfig
from channels.message import Destination, JsonObject
from channels.port import Channel, ChannelContext, Memory, ShortMemory
from channels.registry import load_manifests, open_channel
from channels.simulator.server import Simulator, run_simulator
from channels.telegram.config import TelegramConfig
from channels.testing import ChannelContract, ChannelHarness, Fault

FORUM, OWNER = -100_777, 7_000_000_001


class TelegramHarness(ChannelHarness):
    """A topic of a forum; the rates are those of the real platform."""

    def __init__(self, simulator: Simulator, clock: ManualClock) -> None:
        self._simulator = simulator
        self._clock = clock
        self._memory = ShortMemory()
        self._token = simulator.telegram_token
        simulator.telegram.add_group(FORUM, "A forum", [OWNER], kind="forum")
        self._topic = simulator.telegram.add_topic(FORUM, "A topic")

    @property
    @override
    def clock(self) -> ManualClock:
        return self._clock

    @property
    @override
    def memory(self) -> Memory:
        return self._memory

    @property
    @override
    def destination(self) -> Destination:
        return Destination("telegram", "default", str(FORUM), str(self._topic))

    @property
    @override
    def faults(self) -> Collection[Fault]:
        return {"rate_limited", "closed", "lost_answer", "server_error"}

    @property
    @override
    def redelivers(self) -> bool:
        return True

    @override
    def open(self) -> AbstractAsyncContextManager[Channel]:
        config = TelegramConfig(
            accounts={"default": AccountConfig(token=SecretStr(self._token))},
            api_base=self._simulator.telegram_api_base,
        )
        return open_channel(load_manifests()["telegram"], ChannelContext("default", config, self._clock, self._memory))

    @override
    async def say(self, text: str) -> None:
        assert self._simulator.telegram.say(FORUM, OWNER, text, topic=self._topic)

    @override
    def inject(self, fault: Fault) -> None:
        platform = self._simulator.telegram
        match fault:
            case "rate_limited":
                platform.faults.switch_on("rate_limit", "sendMessage", count=1, seconds=7)
            case "lost_answer":
                platform.faults.switch_on("lose_answer", "sendMessage", count=1)
            case "server_error":
                platform.faults.switch_on("server_error", "sendMessage", count=1, status=502)
            case "closed":
                platform.set_bot_status(FORUM, OWNER, "kicked")
            case _:
                raise AssertionError(fault)

    @override
    def text(self, payload: JsonObject) -> str:
        return str(payload["text"])

    @override
    def received(self) -> Sequence[str]:
        return [str(message["text"]) for message in self._simulator.telegram.sent(FORUM)]


class TestTelegram(ChannelContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[ChannelHarness]:
        clock = ManualClock()
        async with run_simulator(port=0, state_dir=None, clock=clock) as simulator:
            yield TelegramHarness(simulator, clock)
