"""The intake of one channel account: stores what the platform sent, then hands it to the road in order.

What an earlier process left unanswered, and what comes faster than it is answered, takes the same way: rows wait on
disk and are read as places get free, so memory stays bounded.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

from typing_extensions import override

from bot.channel_memory import remembering
from bot.inbox import InboxStore, StoredUpdate
from bot.storage.errors import StorageError
from channels.clock import Clock, deadline
from channels.message import JsonObject
from channels.port import NOTHING, Inbox, RawUpdate, Suggestion

log = logging.getLogger(__name__)

MOST_UNDER_WAY = 2000  # updates of one account in memory
RETRY_SECONDS = 1.0


class Intake(Inbox):
    """Takes in for one channel account.

    `take` begins one update's road; `finished` is to be called at its end. `suggest` is `Inbox.suggest`.
    """

    def __init__(
        self,
        channel: str,
        account: str,
        inbox: InboxStore,
        clock: Clock,
        take: Callable[[StoredUpdate], None],
        suggest: Callable[[JsonObject, str, str], Awaitable[Sequence[Suggestion]]],
    ) -> None:
        self._channel = channel
        self._account = account
        self._inbox = inbox
        self._clock = clock
        self._take = take
        self._suggest = suggest
        self._under_way: set[int] = set()
        self._last_taken = 0
        self._from_the_start = False  # rows below _last_taken may wait there too
        self._reading = False
        self._too_late: set[asyncio.Task[list[StoredUpdate]]] = set()
        self._on_disk = True  # rows with an id above _last_taken may wait there
        self._room = asyncio.Event()
        self._room.set()

    @override
    async def store(
        self,
        updates: Sequence[RawUpdate],
        remember: Mapping[str, str] = NOTHING,
        *,
        within_seconds: float | None = None,
    ) -> None:
        also = remembering(self._channel, self._account, remember)
        storing = self._inbox.store(self._channel, self._account, updates, also)
        stored = await (storing if within_seconds is None else self._in_time(storing, within_seconds))
        if len(stored) < len(updates):
            # Known ones: most are dealt with. But a commit that was on its way when its process died may show itself
            # only now, with rows below those that were taken (PostgreSQL ends what its server has been told).
            self._from_the_start = self._on_disk = True
        if self._on_disk or self._reading or len(self._under_way) + len(stored) > MOST_UNDER_WAY:
            self._on_disk = True
            self._room.set()
        else:
            self._hand_over(stored)

    async def _in_time(self, storing: Coroutine[None, None, list[StoredUpdate]], seconds: float) -> list[StoredUpdate]:
        """Raises TimeoutError; what reaches the disk later is closed there, since nobody takes it from here."""
        task = asyncio.create_task(storing, name=f"store {self._channel}")
        try:
            async with deadline(self._clock, seconds):
                return await asyncio.shield(task)
        except TimeoutError:
            self._too_late.add(task)
            task.add_done_callback(lambda _: self._room.set())
            raise

    def look(self) -> None:
        """Another process may have stored something."""
        self._from_the_start = self._on_disk = True
        self._room.set()

    @override
    async def suggest(self, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        return await self._suggest(raw, command, typed)

    def finished(self, update: StoredUpdate) -> None:
        """An update that was taken has ended."""
        self._under_way.discard(update.id)
        if self._on_disk and len(self._under_way) <= MOST_UNDER_WAY // 2:
            self._room.set()

    async def run(self) -> None:
        """Take what waits on disk as there is room, until cancelled."""
        while True:
            await self._room.wait()
            self._room.clear()
            try:
                await self._close_late()
                # A row that is too late must not be read before it is closed.
                while self._on_disk and not self._too_late and len(self._under_way) < MOST_UNDER_WAY:
                    await self._read()
            except StorageError as error:
                log.warning("Reading the inbox failed", extra={"channel": self._channel, "error": str(error)})
                self._on_disk = True
                await self._clock.sleep(RETRY_SECONDS)
                self._room.set()

    async def _read(self) -> None:
        """Take the next rows from disk. Whoever stores meanwhile leaves its rows to the next reading, so that no row
        is taken before an older one."""
        after = 0 if self._from_the_start else self._last_taken
        most = MOST_UNDER_WAY - (0 if self._from_the_start else len(self._under_way))
        self._from_the_start, self._on_disk, self._reading = False, False, True
        try:
            waiting = await self._inbox.waiting(self._channel, self._account, after=after, most=most)
        except BaseException:
            self._from_the_start = self._on_disk = True
            raise
        finally:
            self._reading = False
        self._on_disk = self._on_disk or len(waiting) == most or bool(self._too_late)
        self._hand_over(() if self._too_late else waiting)

    async def _close_late(self) -> None:
        """Close what its sender was told to try again; a process that dies before leaves it to be answered."""
        for task in [task for task in self._too_late if task.done()]:
            if task.exception() is None:
                for update in task.result():
                    await self._inbox.close_late(update)
            self._too_late.discard(task)

    def _hand_over(self, updates: Sequence[StoredUpdate]) -> None:
        for update in updates:
            self._last_taken = max(self._last_taken, update.id)
            if update.id not in self._under_way:
                self._under_way.add(update.id)
                self._take(update)
