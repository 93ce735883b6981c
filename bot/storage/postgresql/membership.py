"""Several machines on one database: who is alive, and who does what only one may do.

Each `javis run` has a row in `members` that it renews. Every group of its commits locks that row, so a process that
was taken for dead can write nothing more (Fenced), however long it stood still and whatever it believes. With the row
go its leases, by foreign key, and its running tasks are queued again. A later member has a higher number.

Whoever cannot reach the database and had company stops what it leases before others may begin: it cannot know what
they do. Whoever was alone goes on, because a database that is started anew must not interrupt what is on its way.
"""

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, runtime_checkable

from bot.storage.errors import Fenced, GuardFailed, StorageError, StorageUnavailable
from bot.storage.port import SqlValue, Statement, Storage
from bot.storage.postgresql.place import is_gone, own_place
from channels.clock import Clock, deadline

log = logging.getLogger(__name__)

# Parts of a lease. Doubt comes well before death: at most RENEW + BEAT after a renewal that went well.
RENEW: Final = 0.25  # between two renewals
BEAT: Final = 1 / 3  # a renewal that takes longer has failed
DOUBT: Final = 0.5


@runtime_checkable
class MemberStorage(Storage, Protocol):
    """A storage whose commits can be fenced."""

    name: str
    """This process's, among all on the database."""

    def tell_others(self, text: str) -> None:
        """Say `text` to the other processes on the database, at once and at most once; who is cut off misses it."""
        ...

    def when_told(self, hear: Callable[[str], None]) -> None:
        """Call `hear` with what another process says."""
        ...

    def act_as_member(self) -> None:
        """From now on every commit fails with Fenced when the member of our name is taken for dead."""
        ...


async def machines(storage: Storage) -> list[str]:
    """The machines (host name and process id) on which a bot runs on this database."""
    return [row["machine"] for row in await storage.read("members.alive", {})]


async def holdings(storage: Storage) -> dict[str, list[str]]:
    """What each of these machines holds: `channel/account` for a bot account."""
    held: dict[str, list[str]] = {}
    for row in await storage.read("members.holdings", {}):
        names = held.setdefault(row["machine"], [])
        if row["holds"] is not None:
            names.append(row["holds"])
    return held


class Membership:
    """This process among the others. Made by `joined`; `run` is to run all the while.

    Who was not heard of for `lease_seconds` is taken for dead. `orphaned` is awaited after others have gone or were
    taken for dead: their work lies there.
    """

    def __init__(
        self, storage: MemberStorage, clock: Clock, lease_seconds: float, orphaned: Callable[[], Awaitable[None]]
    ) -> None:
        self.id = storage.name
        self.storage = storage
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._orphaned = orphaned
        self._leases: dict[str, asyncio.Event] = {}
        self._renewed, self._renewed_at = clock.monotonic(), clock.now()
        self._beaten = asyncio.Event()
        self._others: set[str] = set()
        self._work_lies_about = False
        self._sure = asyncio.Event()
        self._unsure = asyncio.Event()

    def want(self, name: str) -> None:
        """Take the lease `name` when it is free."""
        self._leases.setdefault(name, asyncio.Event())

    def holds(self, name: str) -> bool:
        """Whether the lease is ours, and nobody else can have it yet."""
        return self._sure.is_set() and name in self._leases and self._leases[name].is_set()

    async def confirmed(self) -> None:
        """Return at once while nobody can have taken us for dead, else when we have heard that nobody did.

        What leaves over the wire cannot be fenced there: a process that wakes up after standing still asks first.
        """
        while self._silence_seconds() >= self._lease_seconds:
            self._beaten.clear()
            await self._beaten.wait()

    def _silence_seconds(self) -> float:
        # The monotonic clock stands still while a machine sleeps, the wall clock may be set back.
        by_wall = (self._clock.now() - self._renewed_at).total_seconds()
        return max(by_wall, self._clock.monotonic() - self._renewed)

    async def keep(self, name: str, work: Callable[[], Awaitable[None]], pausing: Callable[[], None]) -> None:
        """Do `work` while we hold the lease `name`, and anew when it was interrupted; `pausing` tells that we wait.

        Ends when `work` ends.
        """
        self.want(name)
        while True:
            if not self.holds(name):
                pausing()
            await self._leases[name].wait()
            await self._sure.wait()
            working = asyncio.ensure_future(work())
            doubting = asyncio.ensure_future(self._unsure.wait())
            try:
                await asyncio.wait([working, doubting], return_when=asyncio.FIRST_COMPLETED)
            finally:
                doubting.cancel()
                interrupted = not working.done()
                if interrupted:
                    working.cancel()
                    await asyncio.wait([working])
            if not interrupted:
                return await working
            log.warning("The database was out of reach for too long: another machine may do this", extra={"what": name})

    async def join(self) -> None:
        for row in await self.storage.read("members.places", {}):
            if is_gone(row["place"]):
                log.info("A process of this machine has died", extra={"machine": row["machine"]})
                await self.storage.commit([Statement("members.leave", {"id": row["id"]})])
        values: dict[str, SqlValue] = {
            "id": self.id,
            "machine": f"{platform.node()} ({os.getpid()})",
            "place": own_place(),
            "lease_ms": self._lease_ms,
        }
        await self.storage.commit([Statement("members.join", values)])
        self.storage.act_as_member()
        self._trust()

    async def run(self) -> None:
        """Renew, bury, take what is free; until cancelled. Raises Fenced when we were taken for dead."""
        while True:
            try:
                await self.beat()
            except GuardFailed:
                raise Fenced from None
            except (StorageUnavailable, TimeoutError) as error:
                log.warning("The membership cannot be renewed", extra={"error": str(error)})
            if self._others and self._silence_seconds() >= DOUBT * self._lease_seconds:
                self._distrust()
            await self._clock.sleep(RENEW * self._lease_seconds)

    async def beat(self) -> None:
        """One round. Raises StorageError."""
        began, began_at = self._clock.monotonic(), self._clock.now()
        renewing: dict[str, SqlValue] = {"id": self.id, "lease_ms": self._lease_ms}
        async with deadline(self._clock, BEAT * self._lease_seconds):
            _, _, dead = await self.storage.commit(
                [
                    Statement("members.renew", renewing, required=True),
                    Statement("members.disconnect", {"grace_ms": int(RENEW * self._lease_ms)}),
                    Statement("members.bury", {}),
                ]
            )
        self._renewed, self._renewed_at = began, began_at
        self._beaten.set()
        self._trust()
        # Until it was seen to: the database may go away between here and there.
        self._work_lies_about |= bool(dead)
        for row in dead:
            log.warning("Another machine was taken for dead", extra={"machine": row["machine"]})
        others = {row["id"] for row in await self.storage.read("members.all", {})} - {self.id}
        # Also of those that others buried: who did may die before it has seen to their work.
        self._work_lies_about |= not self._others <= others
        self._others = others
        await self._take()
        if self._work_lies_about:
            await self._orphaned()
            self._work_lies_about = False

    async def leave(self) -> None:
        """Others take over at once."""
        self._distrust()
        with suppress(StorageError):
            await self.storage.commit([Statement("members.leave", {"id": self.id})])

    async def _take(self) -> None:
        """Take free leases: all where we are alone, else one a round, so that machines that start together share."""
        free = [name for name, held in self._leases.items() if not held.is_set()]
        for name in free:
            (taken,) = await self.storage.commit([Statement("members.take", {"name": name, "holder": self.id})])
            if taken:
                log.info("This machine has it now", extra={"what": name})
                self._leases[name].set()
                if self._others:
                    return

    @property
    def _lease_ms(self) -> int:
        return int(self._lease_seconds * 1000)

    def _trust(self) -> None:
        self._unsure.clear()
        self._sure.set()

    def _distrust(self) -> None:
        self._sure.clear()
        self._unsure.set()


@asynccontextmanager
async def joined(
    storage: MemberStorage, clock: Clock, lease_seconds: float, orphaned: Callable[[], Awaitable[None]]
) -> AsyncIterator[Membership]:
    """Be a member while the block runs. Raises StorageError."""
    membership = Membership(storage, clock, lease_seconds, orphaned)
    await membership.join()
    try:
        yield membership
    finally:
        await membership.leave()
