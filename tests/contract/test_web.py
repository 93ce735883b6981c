"""The web channel keeps the contract: a client of a real gateway on one side, the channel on the other."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from channels.clock import ManualClock
from channels.message import Destination, JsonObject
from channels.port import Channel, ChannelContext, ShortMemory
from channels.registry import load_manifests, open_channel
from channels.testing import ChannelContract, ChannelHarness, Fault, eventually
from channels.web.channel import WebChannel
from channels.web.parse import Said

KEY = "agent:main:web:direct:me"


class WebHarness(ChannelHarness):
    """One client that speaks in one session and keeps what is published there."""

    redelivers = False
    memory = ShortMemory()
    faults: Collection[Fault] = ()
    destination = Destination("web", "default", KEY)

    def __init__(self) -> None:
        self.clock = ManualClock()
        self._heard: list[str] = []
        self._numbers = itertools.count(1)
        self._channel: WebChannel | None = None
        self._again: asyncio.Task[None] | None = None

    @override
    def open(self) -> AbstractAsyncContextManager[Channel]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Channel]:
        manifest = load_manifests()["web"]
        context = ChannelContext("default", None, self.clock, publish=self._hear)
        async with open_channel(manifest, context) as channel:
            assert isinstance(channel, WebChannel)
            self._channel = channel
            yield channel

    @override
    async def say(self, text: str) -> None:
        """A client whose call fails calls again, as they do."""
        channel = self._channel
        assert channel is not None
        said = Said(
            id=f"m{next(self._numbers)}",
            text=text,
            session_key=KEY,
            sender="me",
            name="Me",
            is_direct=True,
            language=None,
            said_at=datetime(2026, 11, 21, tzinfo=UTC),
        )
        await eventually(lambda: channel.is_open)
        try:
            await channel.say(said)
        except OSError:
            self._again = asyncio.create_task(self._say_again(channel, said))

    async def _say_again(self, channel: WebChannel, said: Said) -> None:
        await self.clock.sleep(1)
        await channel.say(said)

    @override
    def inject(self, fault: Fault) -> None:
        raise NotImplementedError(fault)

    @override
    def text(self, payload: JsonObject) -> str:
        return str(payload["text"])

    @override
    def received(self) -> Sequence[str]:
        return self._heard

    def _hear(self, event_type: str, session_key: str, data: JsonObject) -> None:
        if (event_type, session_key) == ("chat.message", KEY):
            self._heard.append(data["text"].strip())


class TestWeb(ChannelContract):
    @pytest.fixture
    def harness(self) -> ChannelHarness:
        return WebHarness()
