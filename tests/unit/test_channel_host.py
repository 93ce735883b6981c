"""A channel that fails, or falls silent, in a house that lives on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from typing_extensions import override

from channels.clock import ManualClock
from channels.errors import Unauthorized
from channels.message import Delivery, Receipt
from channels.port import Channel, Inbox
from tests.unit.torture.memory_platform import MemoryChannel, MemoryPlatform, Trap, host_of, house_in


class MoodyChannel(MemoryChannel):
    """Fails in its receiving as often as `faults` says; is to be heard by `deadline`."""

    faults = 0
    deadline: float | None = None

    @property
    @override
    def expected_by(self) -> float | None:
        return self.deadline

    @override
    async def receive(self, inbox: Inbox) -> None:
        if self.faults:
            MoodyChannel.faults -= 1
            raise RuntimeError("a fault of the channel's own")
        await super().receive(inbox)


async def test_receiving_that_fails_is_begun_again_and_silence_is_told(tmp_path: Path) -> None:
    clock, platform = ManualClock(), MemoryPlatform()
    platform.say("1", "hello")
    MoodyChannel.faults = 3

    @asynccontextmanager
    async def opened() -> AsyncIterator[Channel]:
        yield MoodyChannel(platform, Trap(), clock)

    async with house_in(tmp_path, clock) as house:
        host = host_of(house, opened)
        hosting = asyncio.create_task(host.run())
        seen = set()
        while not platform.shown:
            seen.add(host.condition)
            await clock.advance(0.5)
        assert seen >= {"faulty", "running"}
        assert host.condition == "running"
        MoodyChannel.deadline = clock.monotonic() + 90
        await clock.advance(89)
        assert host.condition == "running"
        await clock.advance(1)
        assert host.condition == "not hearing from its platform"
        hosting.cancel()
        with suppress(asyncio.CancelledError):
            await hosting


async def test_refused_token_is_tried_a_few_times_an_hour(tmp_path: Path) -> None:
    clock, platform, logins = ManualClock(), MemoryPlatform(), 0

    class RevokedChannel(MemoryChannel):
        @override
        async def send(self, delivery: Delivery) -> Receipt:
            raise Unauthorized("the token was revoked")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Channel]:
        nonlocal logins
        logins += 1
        if logins > 1:
            raise Unauthorized("the token was revoked")
        yield RevokedChannel(platform, Trap(), clock)

    async with house_in(tmp_path, clock) as house:
        host = host_of(house, opened)
        hosting = asyncio.create_task(host.run())
        platform.say("1", "hello")
        while host.condition != "refused":
            await clock.advance(0.5)
        await clock.advance(3600)
        assert host.condition == "refused"
        assert 2 < logins < 10
        hosting.cancel()
        with suppress(asyncio.CancelledError):
            await hosting
