"""Wakes what must happen now and then. A ring only wakes; rows in the database say what is due.

APScheduler rings whatever has time for a second or more. Its own defaults would skip a ring when the loop was busy
for a second (misfire_grace_time) and forget the rest: here a late ring always rings, and several late ones ring once.
Its reckoning costs a fifth of a millisecond a ring, so looks that come several times a second have a plain timer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.storage.errors import StorageUnavailable

log = logging.getLogger(__name__)

OFTEN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Ring:
    """Call `work` every `seconds`; one that takes longer is not called again meanwhile."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[object]]


@asynccontextmanager
async def waking(rings: Sequence[Ring]) -> AsyncIterator[None]:
    """Ring while the block runs; work under way at its end is cancelled. A failing ring is logged and rings again."""
    # The executor calls at once, in the loop's own thread: a bell is rung, and its work is a task of ours. Coroutines
    # left to APScheduler would be cancelled at the end as failed jobs, and reported as skipped when they take longer.
    scheduler = AsyncIOScheduler(
        timezone="UTC",
        executors={"default": DebugExecutor()},
        job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
    )
    answering = []
    for ring in rings:
        wait = _pause(ring) if ring.seconds < OFTEN_SECONDS else _bell(ring, scheduler)
        answering.append(asyncio.create_task(_answer(ring, wait), name=f"ring {ring.name}"))
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)


def _pause(ring: Ring) -> Callable[[], Awaitable[object]]:
    return lambda: asyncio.sleep(ring.seconds)


def _bell(ring: Ring, scheduler: AsyncIOScheduler) -> Callable[[], Awaitable[object]]:
    bell = asyncio.Event()
    scheduler.add_job(bell.set, "interval", seconds=ring.seconds, id=ring.name)

    async def wait() -> None:
        bell.clear()  # what was rung while the work was under way
        await bell.wait()

    return wait


async def _answer(ring: Ring, wait: Callable[[], Awaitable[object]]) -> None:
    while True:
        await wait()
        try:
            await ring.work()
        except StorageUnavailable as error:
            log.warning("A regular chore waits for the database", extra={"chore": ring.name, "error": str(error)})
        except Exception:
            log.exception("A regular chore failed; it is tried again", extra={"chore": ring.name})
