"""The delivery worker: the only one that sends what must arrive.

Every chat with something due has one *pump*, a task that claims, sends and closes that chat's rows in order; so a
chat that waits never delays another. Fresh rows are handed over in memory and leave at once; the database stays
the truth: a row whose claim fails there makes the pump read its chat's queue anew.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from bot.delivery.item import OutboxItem
from bot.delivery.policy import Again, Dead, Held, Moved, after_failure, after_interruption
from bot.delivery.store import OutboxStore
from bot.storage.errors import GuardFailed, StorageError, StorageUnavailable
from bot.storage.port import Statement, Storage
from channels.clock import Clock
from channels.errors import ChannelError, OutcomeUnknown, Unauthorized
from channels.message import Delivery
from channels.port import Channel

log = logging.getLogger(__name__)

MOST_PUMPS = 1000  # chats of one account that are worked on at once; the others wait for a free place
READ_AHEAD = 20  # rows of one chat that are read at once
STORE_RETRY_SECONDS = 1.0

ChatKey = tuple[str, str, str]


@dataclass(slots=True)
class _Outlet:
    """One open channel account and the chats that are being worked on."""

    channel: Channel
    pumps: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    fresh: dict[str, deque[OutboxItem]] = field(default_factory=dict)
    lost: asyncio.Event = field(default_factory=asyncio.Event)


class DeliveryWorker:
    """Sends outbox rows. `labels` gives the possible-duplicate line in a language; `also_when_sent` statements
    that belong into the transaction that closes a sent row, `after_sent` is told once that has been committed."""

    def __init__(
        self,
        storage: Storage,
        store: OutboxStore,
        clock: Clock,
        *,
        labels: Callable[[str], str],
        also_when_sent: Callable[[OutboxItem], Sequence[Statement]],
        after_sent: Callable[[OutboxItem], None],
        jitter: Callable[[], float] = lambda: random.uniform(-1, 1),
    ) -> None:
        self._storage = storage
        self._store = store
        self._clock = clock
        self._labels = labels
        self._also_when_sent = also_when_sent
        self._after_sent = after_sent
        self._jitter = jitter
        self._outlets: dict[tuple[str, str], _Outlet] = {}

    @asynccontextmanager
    async def outlet(self, name: str, account: str, channel: Channel) -> AsyncIterator[asyncio.Event]:
        """Serve an account while its channel is open; what an earlier process left is settled first.

        The event is set when the platform refuses our token: the channel is then to be closed and opened again.
        On leaving, sends under way are given up; their rows stay `attempting` and count as unknown.
        """
        await self._settle_interrupted(name, account)
        outlet = _Outlet(channel)
        self._outlets[name, account] = outlet
        try:
            await self.tick(name, account)
            yield outlet.lost
        finally:
            del self._outlets[name, account]
            pumps = list(outlet.pumps.values())
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def drain(self, grace_seconds: float) -> None:
        """Give the pumps under way some time to empty their chats."""
        pumps = [pump for outlet in self._outlets.values() for pump in outlet.pumps.values()]
        if pumps:
            await asyncio.wait(pumps, timeout=grace_seconds)

    def wake(self, items: Sequence[OutboxItem]) -> None:
        """Rows that were just committed, in order: send them now. Rows of channels not open wait on disk."""
        for item in items:
            name, account, chat = item.chat_key
            outlet = self._outlets.get((name, account))
            if outlet is not None and not outlet.lost.is_set():
                outlet.fresh.setdefault(chat, deque()).append(item)
                self._start(outlet, item.chat_key)

    async def tick(self, name: str, account: str) -> None:
        """The retry loop: start on every chat whose first row is due, whoever queued it."""
        outlet = self._outlets.get((name, account))
        room = 0 if outlet is None else MOST_PUMPS - len(outlet.pumps)
        if outlet is None or outlet.lost.is_set() or room <= 0:
            return
        for chat in await self._store.chats_due(name, account, MOST_PUMPS):
            self._start(outlet, (name, account, chat))

    def _start(self, outlet: _Outlet, key: ChatKey) -> None:
        if key[2] in outlet.pumps:
            return
        if len(outlet.pumps) >= MOST_PUMPS:
            outlet.fresh.pop(key[2], None)  # stays on disk; a later tick finds it
            return
        outlet.pumps[key[2]] = asyncio.create_task(self._pump(outlet, key), name=f"pump {key}")

    async def _pump(self, outlet: _Outlet, key: ChatKey) -> None:
        """Empty one chat, or stop where its first row has to wait."""
        chat = key[2]
        try:
            while not outlet.lost.is_set() and await self._advance(outlet, key):
                pass
        except StorageUnavailable as error:
            log.warning("Delivery waits for the database", extra={"chat": chat, "error": str(error)})
        except Exception:
            log.exception("Delivery to a chat failed; the next tick takes it up again", extra={"chat": chat})
        finally:
            del outlet.pumps[chat]
            # A row may have come after the last look: without this it would wait for the next tick.
            if chat in outlet.fresh and not outlet.lost.is_set() and self._outlets.get(key[:2]) is outlet:
                self._start(outlet, key)

    async def _advance(self, outlet: _Outlet, key: ChatKey) -> bool:
        """Bring the chat's first row one step further. False when there is none, or it has to wait."""
        chat = key[2]
        queue = outlet.fresh.get(chat) or await self._due(key)
        if not queue:
            outlet.fresh.pop(chat, None)
            return False
        item = queue.popleft()
        if queue:
            outlet.fresh[chat] = queue
        else:
            outlet.fresh.pop(chat, None)
        if item.expires <= self._clock.now():
            await self._storage.commit([self._store.end(item, "failed", "expired")])
            return True
        try:
            results = await self._storage.commit([self._store.claim(item)])
        except GuardFailed:  # an older row waits, or somebody else has taken this one: the database knows
            outlet.fresh.pop(chat, None)
            return True
        return await self._attempt(outlet, replace(item, attempts=results[0][0]["attempts"]))

    async def _due(self, key: ChatKey) -> deque[OutboxItem]:
        queue = await self._store.chat_queue(key, READ_AHEAD)
        now = self._clock.now()
        return deque(queue if queue and queue[0].state == "queued" and queue[0].due <= now else ())

    async def _attempt(self, outlet: _Outlet, item: OutboxItem) -> bool:
        """Send a claimed row and write down what came of it. False when the chat has to wait."""
        label = self._labels(item.language) if item.duplicate else None
        try:
            receipt = await outlet.channel.send(Delivery(item.id, item.destination, item.payload, label))
        except ChannelError as error:
            return await self._settle_failure(outlet, item, error)
        except Exception as error:
            log.exception("A channel failed in a way of its own", extra={"item": item.id})
            return await self._settle_failure(outlet, item, OutcomeUnknown(type(error).__name__))
        await self._write_down([self._store.sent(item, receipt), *self._also_when_sent(item)])
        self._after_sent(item)
        return True

    async def _settle_failure(self, outlet: _Outlet, item: OutboxItem, error: ChannelError) -> bool:
        chat = item.destination.chat
        match after_failure(error, item, self._clock.now(), self._jitter()):
            case Again() as verdict:
                log.info("Will send again", extra={"item": item.id, "reason": verdict.reason})
                outlet.fresh.pop(chat, None)
                if isinstance(error, Unauthorized):
                    outlet.lost.set()
                await self._write_down([self._store.again(item, verdict)])
                return False
            case Dead() as verdict:
                log.error("A message became a dead letter", extra={"item": item.id, "reason": verdict.reason})
                await self._write_down([self._store.end(item, "failed", verdict.reason)])
            case Held() as verdict:
                log.error("Nobody knows whether a message arrived; it is held", extra={"item": item.id})
                await self._write_down([self._store.end(item, "unknown", verdict.reason)])
            case Moved() as verdict:
                log.info("A chat has moved", extra={"chat": chat, "new_chat": verdict.new_chat})
                await self._follow(outlet, item, verdict.new_chat)
                return False
        return True

    async def _follow(self, outlet: _Outlet, item: OutboxItem, new_chat: str) -> None:
        now = self._clock.now()
        again = self._store.again(item, Again(now, charged=False, reason="chat_moved"))
        await self._write_down([again, self._store.chat_moved(item, new_chat)])
        outlet.fresh.pop(item.destination.chat, None)
        self._start(outlet, (item.destination.channel, item.destination.account, new_chat))

    async def _write_down(self, statements: Sequence[Statement]) -> None:
        """What the platform did must not be forgotten: repeat until the database takes it."""
        while True:
            try:
                await self._storage.commit(statements)
            except StorageUnavailable as error:
                log.warning("The outcome of a delivery waits for the database", extra={"error": str(error)})
                await self._clock.sleep(STORE_RETRY_SECONDS)
            except StorageError:
                log.exception("The outcome of a delivery could not be written down")
                return
            else:
                return

    async def _settle_interrupted(self, name: str, account: str) -> None:
        now = self._clock.now()
        statements = []
        for item in await self._store.interrupted(name, account):
            match after_interruption(item, now):
                case Again() as verdict:
                    statements.append(self._store.again(item, verdict))
                case Held() as verdict:
                    statements.append(self._store.end(item, "unknown", verdict.reason))
        if statements:
            log.warning("Deliveries were interrupted; they may arrive twice", extra={"items": len(statements)})
            await self._storage.commit(statements)
