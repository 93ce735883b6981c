"""The delivery worker: the only one that sends what must arrive.

Every chat with something due has one *pump*, a task that claims, sends and closes that chat's rows in order; so a
chat that waits never delays another. Fresh rows are handed over in memory and leave at once; the database stays
the truth: a row whose claim fails there makes the pump read its chat's queue anew.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from bot.delivery.item import ChatKey, OutboxItem, claimed_item
from bot.delivery.sender import Sender
from bot.delivery.store import OutboxStore
from bot.storage.errors import GuardFailed, StorageUnavailable
from bot.storage.port import Storage
from channels.clock import Clock
from channels.port import Carrier

log = logging.getLogger(__name__)

MOST_PUMPS: Final = 1000  # chats of one account that are worked on at once; the others wait for a free place
READ_AHEAD: Final = 20  # rows of one chat that are read at once
LAST_SEND_SECONDS: Final = 3.0


@dataclass(slots=True)
class _Outlet:
    """One open channel account and the chats that are being worked on.

    `more`: the last look at the database found more chats than there were places; the next one, `looking`, goes on
    behind the chat `after`, so that none waits for ever.
    """

    channel: Carrier
    pumps: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    fresh: dict[str, deque[OutboxItem]] = field(default_factory=dict)
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    more: bool = False
    after: str = ""
    looking: asyncio.Task[None] | None = None


class DeliveryWorker:
    """Sends outbox rows on the channels that are open.

    `clearance` is awaited before each send; it is replaced where another machine may have taken over meanwhile.
    """

    def __init__(self, storage: Storage, store: OutboxStore, clock: Clock, sender: Sender) -> None:
        self._storage = storage
        self._store = store
        self._clock = clock
        self._sender = sender
        self._outlets: dict[tuple[str, str], _Outlet] = {}
        self._closing = False
        self.clearance: Callable[[], Awaitable[None]] = _at_once

    @asynccontextmanager
    async def outlet(self, name: str, account: str, channel: Carrier) -> AsyncIterator[asyncio.Event]:
        """Serve an account while its channel is open; what an earlier process left is taken up first.

        The event is set when the platform refuses our token: the channel is then to be closed and opened again.
        On leaving, sends under way are given up; their rows stay `attempting` and count as unknown.
        """
        await self._take_up_interrupted(name, account)
        outlet = _Outlet(channel)
        self._outlets[name, account] = outlet
        try:
            await self.tick(name, account)
            yield outlet.lost
        finally:
            del self._outlets[name, account]
            under_way = [*outlet.pumps.values(), *([outlet.looking] if outlet.looking else [])]
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def drain(self, grace_seconds: float) -> None:
        """Give the pumps under way some time to empty their chats, then let each end the row that it has begun."""
        await self.wait_idle(grace_seconds)
        self._closing = True
        await self.wait_idle(LAST_SEND_SECONDS)

    def wake(self, items: Sequence[OutboxItem]) -> None:
        """Rows that were just committed, in order: send them now. Rows of channels not open wait on disk."""
        for item in items:
            name, account, chat = item.chat_key
            outlet = self._outlets.get((name, account))
            if outlet is not None and self._is_working(outlet):
                outlet.fresh.setdefault(chat, deque()).append(item)
                self._start(outlet, item.chat_key)

    async def tick(self, name: str, account: str) -> None:
        """The retry loop: start on every chat whose first row is due, whoever queued it."""
        outlet = self._outlets.get((name, account))
        if outlet is None or not self._is_working(outlet) or len(outlet.pumps) >= MOST_PUMPS:
            return
        if not await self._store.any_waiting(name, account):
            outlet.after, outlet.more = "", False
            return
        after = outlet.after
        chats = await self._store.chats_due(name, account, after=after, most=MOST_PUMPS)
        outlet.after = chats[-1] if len(chats) == MOST_PUMPS else ""
        outlet.more = bool(outlet.after or after)
        for chat in chats:
            self._start(outlet, (name, account, chat))

    async def _take_up_interrupted(self, name: str, account: str) -> None:
        (interrupted,) = await self._storage.commit([self._store.interrupted(name, account)])
        if interrupted:
            log.warning("Deliveries were interrupted; they may arrive twice", extra={"items": len(interrupted)})

    async def wait_idle(self, seconds: float) -> None:
        """Return when no chat is worked on, or after `seconds`."""
        pumps = [pump for outlet in self._outlets.values() for pump in outlet.pumps.values()]
        if pumps:
            await asyncio.wait(pumps, timeout=seconds)

    def _is_working(self, outlet: _Outlet) -> bool:
        return not outlet.lost.is_set() and not self._closing

    def _start(self, outlet: _Outlet, key: ChatKey) -> None:
        chat = key[2]
        if chat in outlet.pumps:
            return
        if len(outlet.pumps) >= MOST_PUMPS:
            outlet.fresh.pop(chat, None)  # stays on disk; a later look finds it
            outlet.more = True
            return
        outlet.pumps[chat] = asyncio.create_task(self._pump(outlet, key), name=f"pump {key}")

    async def _pump(self, outlet: _Outlet, key: ChatKey) -> None:
        """Empty one chat, or stop where its first row has to wait."""
        chat = key[2]
        moved_on = False
        try:
            moved_on = await self._empty(outlet, key)
        except StorageUnavailable as error:
            log.warning("Delivery waits for the database", extra={"chat": chat, "error": str(error)})
        except Exception:
            log.exception("Delivery to a chat failed; it is settled when the channel opens again", extra={"chat": chat})
        finally:
            del outlet.pumps[chat]
            if self._is_working(outlet) and self._outlets.get(key[:2]) is outlet:
                if chat in outlet.fresh:  # came after the last look: without this it would wait for the next tick
                    self._start(outlet, key)
                if moved_on:
                    self._look_for_more(outlet, key)

    async def _empty(self, outlet: _Outlet, key: ChatKey) -> bool:
        """False when there was nothing to do."""
        chat = key[2]
        item = await self._claim_first(outlet, key)
        moved_on = item is not None
        while item is not None:
            if not self._is_working(outlet):
                await self._sender.release(item)
                break
            behind = outlet.fresh.get(chat)
            await self.clearance()
            step = await self._sender.deliver(outlet.channel, item, behind[0] if behind else None)
            if step.refused:
                outlet.lost.set()
            if step.waits:
                outlet.fresh.pop(chat, None)
                if step.moved_to is not None:
                    self._start(outlet, (key[0], key[1], step.moved_to))
                break
            if step.claimed is not None:
                self._take_first(outlet, chat)
            item = step.claimed or await self._claim_first(outlet, key)
        return moved_on

    async def _claim_first(self, outlet: _Outlet, key: ChatKey) -> OutboxItem | None:
        """The chat's first row, claimed. None when there is none, or it has to wait."""
        chat = key[2]
        while self._is_working(outlet):
            if not outlet.fresh.get(chat) and not await self._read_ahead(outlet, key):
                return None
            item = self._take_first(outlet, chat)
            if item.expires <= self._clock.now() and not item.duplicate:
                await self._storage.commit([self._store.end(item, "failed", "expired")])
                continue
            try:
                results = await self._storage.commit([self._store.claim(item)])
            except GuardFailed:  # an older row waits, or somebody else has taken this one: the database knows
                outlet.fresh.pop(chat, None)
                continue
            return claimed_item(item, results[0][0])
        return None

    async def _read_ahead(self, outlet: _Outlet, key: ChatKey) -> bool:
        """True when the chat's first row on disk is due; it and those behind it are fresh then."""
        queue = await self._store.chat_queue(key, READ_AHEAD)
        if not queue or queue[0].state != "queued" or queue[0].due > self._clock.now():
            return False
        outlet.fresh[key[2]] = deque(queue)
        return True

    @staticmethod
    def _take_first(outlet: _Outlet, chat: str) -> OutboxItem:
        queue = outlet.fresh[chat]
        item = queue.popleft()
        if not queue:
            del outlet.fresh[chat]
        return item

    def _look_for_more(self, outlet: _Outlet, key: ChatKey) -> None:
        """Places are free again: do not leave them so until the next tick."""
        if outlet.more and len(outlet.pumps) <= MOST_PUMPS // 2 and (outlet.looking is None or outlet.looking.done()):
            outlet.looking = asyncio.create_task(self._look(outlet, key), name=f"look {key[:2]}")

    async def _look(self, outlet: _Outlet, key: ChatKey) -> None:
        try:
            await self.tick(key[0], key[1])
            while outlet.more and not outlet.pumps and self._is_working(outlet):
                await self.tick(key[0], key[1])  # the last pump ended meanwhile: nobody else would look again
        except StorageUnavailable as error:
            log.warning("Delivery waits for the database", extra={"channel": key[0], "error": str(error)})


async def _at_once() -> None:
    pass
