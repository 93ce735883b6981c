"""The terminal keeps the contract of channels."""

import asyncio
import io
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import pytest
from typing_extensions import override

from channels.cli.channel import CliChannel
from channels.clock import ManualClock
from channels.message import Destination, JsonObject
from channels.port import Channel, ShortMemory
from channels.testing import ChannelContract, ChannelHarness, Fault


class Keyboard:
    """What a person types, as a channels.cli.terminal.LineSource."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    async def readline(self) -> str:
        return await self.lines.get()


class Screen(io.StringIO):
    """Remembers what was printed at once."""

    def __init__(self) -> None:
        super().__init__()
        self.printed: list[str] = []

    @override
    def write(self, text: str) -> int:
        written = super().write(text)
        self.printed.append(text)
        return written


class CliHarness(ChannelHarness):
    faults: Collection[Fault] = {"unreachable"}
    redelivers = False
    destination = Destination("cli", "default", "1000")

    def __init__(self) -> None:
        self.keyboard = Keyboard()
        self.screen = Screen()
        self.clock = ManualClock()
        self.memory = ShortMemory()

    @override
    @asynccontextmanager
    async def open(self) -> AsyncIterator[Channel]:
        yield CliChannel(
            self.keyboard, self.screen, account="default", user_id="1000", user_name="tester", clock=self.clock
        )

    @override
    async def say(self, text: str) -> None:
        self.keyboard.lines.put_nowait(text)

    @override
    def inject(self, fault: Fault) -> None:
        self.screen.close()

    @override
    def text(self, payload: JsonObject) -> str:
        return str(payload["text"])

    @override
    def received(self) -> Sequence[str]:
        return [text.strip() for text in self.screen.printed]


class TestCli(ChannelContract):
    @pytest.fixture
    async def harness(self) -> ChannelHarness:
        return CliHarness()
