"""Wakes what must happen now and then. APScheduler only rings; rows in the database say what is due.

Its own defaults would skip a ring when the loop was busy for a second (misfire_grace_time) and forget the rest:
here a late ring always rings, and several late ones ring once.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """Call `work` every `seconds`; one that takes longer is not called again meanwhile."""

    name: str
    seconds: float
    work: Callable[[], Awaitable[object]]


@asynccontextmanager
async def waking(rings: Sequence[Ring]) -> AsyncIterator[None]:
    """Ring while the block runs. A failing ring is logged and rings again."""
    scheduler = AsyncIOScheduler(
        timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    )
    for ring in rings:
        scheduler.add_job(_answer, "interval", seconds=ring.seconds, args=[ring], id=ring.name)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


async def _answer(ring: Ring) -> None:
    try:
        await ring.work()
    except Exception:
        log.exception("A regular chore failed; it is tried again", extra={"chore": ring.name})
