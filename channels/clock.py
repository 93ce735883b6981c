"""Time as a constructor argument, so that no test ever waits for the real one."""

import asyncio
import heapq
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from typing_extensions import override


class Clock(Protocol):
    """Wall time, monotonic time and waiting."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only ever grow; the zero is arbitrary."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return `seconds` later; at once (after one turn of the event loop) for zero and less."""
        ...


def unix_ms(moment: datetime) -> int:
    """`moment` as milliseconds since 1970, the form in which the database keeps time."""
    return round(moment.timestamp() * 1000)


def from_unix_ms(milliseconds: int) -> datetime:
    """The inverse of `unix_ms`."""
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


@asynccontextmanager
async def deadline(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Cancel the body when `seconds` have passed on `clock` and raise TimeoutError in its place."""
    if isinstance(clock, SystemClock):  # the event loop has a timer for it, which costs less than a task
        async with asyncio.timeout(max(0.0, seconds)):
            yield
        return
    timeout = asyncio.timeout(None)

    async def expire() -> None:
        await clock.sleep(seconds)
        timeout.reschedule(0)

    async with timeout:
        watch = asyncio.create_task(expire(), name="deadline")
        try:
            yield
        finally:
            watch.cancel()


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ManualClock:
    """A clock that stands still until `advance` moves it. For tests, also those of plugin authors."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Move time on, waking each sleeper in its turn and letting it run before the next wakes."""
        target = self._elapsed + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, wake = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not wake.done():
                wake.set_result(None)
                await self._settle()
        self._elapsed = target
        await self._settle()

    async def until(self, condition: Callable[[], bool], *, step: float = 1.0, limit: float = 86_400) -> None:
        """Advance by `step` until `condition` holds; TimeoutError when `limit` seconds of this clock did not do."""
        end = self._elapsed + limit
        while not condition():
            if self._elapsed >= end:
                raise TimeoutError(f"not within {limit} s of the manual clock")
            await self.advance(step)

    @property
    def sleepers(self) -> int:
        """How many tasks wait on this clock."""
        return sum(not wake.done() for _, _, wake in self._sleepers)

    async def _settle(self) -> None:
        for _ in range(20):
            await asyncio.sleep(0)

    @override
    def __repr__(self) -> str:
        return f"ManualClock({self.now().isoformat()}, sleepers={self.sleepers})"
