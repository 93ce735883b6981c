"""`javis run` as one of several machines on a PostgreSQL, and alone on a SQLite file."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from bot.events import Events
from bot.storage.errors import Fenced, StorageError, StorageUnavailable
from bot.storage.port import Storage
from bot.storage.postgresql.membership import Membership, MemberStorage, joined
from channels.clock import Clock
from channels.message import Destination

log = logging.getLogger(__name__)

BREATH_SECONDS: Final = 0.1  # a machine that writes all the time is not read after each commit
PAUSE_SECONDS: Final = 1.0  # before a process that was taken for dead starts over
CHORES: Final = "chores"  # the lease for what one machine does for all


@asynccontextmanager
async def among_others(
    storage: Storage, clock: Clock, lease_seconds: float, orphaned: Callable[[], Awaitable[None]]
) -> AsyncIterator[Membership | None]:
    """Our place among the machines that share the database; None where it is ours alone.

    Who was not heard of for `lease_seconds` is taken for dead. `orphaned` is awaited when others have gone: their work
    lies there.
    """
    if not isinstance(storage, MemberStorage):
        yield None
        return
    async with joined(storage, clock, lease_seconds, orphaned) as membership:
        yield membership


async def serve_on(serve: Callable[[], Awaitable[None]], stop: asyncio.Event, clock: Clock) -> None:
    """`serve` until it ends, and anew, as another member, when others had taken this process for dead.

    From then on a database that is away is waited for, until `stop` is set. Raises what else `serve` raises.
    """
    reasons: tuple[type[StorageError], ...] = (Fenced,)
    while (interruption := await _interruption(serve, reasons)) is not None and not stop.is_set():
        log.error("This process starts over", extra={"error": str(interruption)})
        reasons = (Fenced, StorageUnavailable)
        await clock.sleep(PAUSE_SECONDS)


async def _interruption(
    serve: Callable[[], Awaitable[None]], reasons: tuple[type[StorageError], ...]
) -> BaseException | None:
    """Which of these failures ended `serve`; None: none did."""
    interruption: BaseException | None = None
    try:
        await serve()
    except* reasons as group:
        interruption = group
        while isinstance(interruption, BaseExceptionGroup):
            interruption = interruption.exceptions[0]
    return interruption


async def heed(storage: Storage, clock: Clock, notice: Callable[[], Awaitable[None]]) -> None:
    """Call `notice` soon after another process has written, where the database says so by itself; until cancelled."""
    changed = asyncio.Event()
    storage.when_changed(changed.set)
    while True:
        await changed.wait()
        changed.clear()
        try:
            await notice()
        except StorageError as error:
            log.warning("Changes cannot be read", extra={"error": str(error)})
        await clock.sleep(BREATH_SECONDS)


async def lay_claim(membership: Membership, names: Sequence[str]) -> None:
    """Take those of these leases that are free."""
    for name in names:
        membership.want(name)
    await membership.beat()


async def by_one(
    membership: Membership | None,
    name: str,
    work: Callable[[], Awaitable[None]],
    pausing: Callable[[], None] = lambda: None,
) -> None:
    """Do `work` while this machine holds the lease `name`; `pausing` tells that another one does."""
    if membership is None:
        await work()
    else:
        await membership.keep(name, work, pausing)


def share_events(membership: Membership | None, events: Events) -> None:
    """Clients of every machine's gateway hear what happens on all of them."""
    if membership is not None:
        membership.storage.when_told(events.hear)
        events.tell_others = membership.storage.tell_others


def speaks_here(membership: Membership, destination: Destination | None) -> bool:
    """Whether what is said to `destination` is said by this machine; None: what is said to nobody."""
    return membership.holds(CHORES if destination is None else f"{destination.channel}/{destination.account}")


def once_for_all(
    membership: Membership | None, chore: Callable[[], Awaitable[object]]
) -> Callable[[], Awaitable[None]]:
    """`chore`, done by one of the machines only."""

    async def done() -> None:
        if membership is None or membership.holds(CHORES):
            await chore()

    return done
