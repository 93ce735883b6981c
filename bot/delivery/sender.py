"""One claimed row on its way: asked after, sent, and written down.

The transaction that closes a row also claims the one behind it, so a busy chat costs one commit a row.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.delivery.item import ChatKey, Kind, OutboxItem, State, claimed_item
from bot.delivery.policy import Again, Closed, Dead, Held, Moved, Verdict, after_failure, after_settling
from bot.delivery.store import OutboxStore
from bot.storage.errors import StorageError
from bot.storage.patience import commit_patiently
from bot.storage.port import Row, Statement, Storage
from channels.clock import Clock
from channels.errors import (
    ChannelError,
    ChatClosed,
    ChatMoved,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
)
from channels.message import Delivery, Receipt
from channels.port import Carrier

log = logging.getLogger(__name__)

# What `Channel.settle` may say beside "arrived" and "did not": the row waits, or goes elsewhere, as after a `send`.
_NO_ANSWER: Final = (RateLimited, Unauthorized, ChatMoved, ChatClosed)


@dataclass(frozen=True, slots=True)
class Effects:
    """What belongs into the transactions of deliveries: statements by what happened, and who is told afterwards.

    `sent` closes a row, `moved` (the chat's key, its new id) and `closed` (key, reason) concern all of a chat.
    """

    sent: Callable[[OutboxItem], Sequence[Statement]]
    moved: Callable[[ChatKey, str], Sequence[Statement]]
    closed: Callable[[ChatKey, str], Sequence[Statement]]
    after_sent: Callable[[OutboxItem], None]
    after_change: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Step:
    """Where a chat stands after one row.

    `claimed` is the following row, to be sent now. `waits`: nothing more goes there for now. `refused`: the platform
    refuses our token. `moved_to`: what waits there goes to that chat.
    """

    claimed: OutboxItem | None = None
    waits: bool = False
    refused: bool = False
    moved_to: str | None = None


class Sender:
    """Sends claimed rows.

    `labels` gives the possible-duplicate line in a language, `jitter` a number from -1 to 1. `resent`: the kinds
    that are sent again when nobody can tell whether they arrived.
    """

    def __init__(
        self,
        storage: Storage,
        store: OutboxStore,
        clock: Clock,
        *,
        labels: Callable[[str], str],
        effects: Effects,
        resent: frozenset[Kind],
        jitter: Callable[[], float] = lambda: random.uniform(-1, 1),
    ) -> None:
        self._storage = storage
        self._store = store
        self._clock = clock
        self._labels = labels
        self._effects = effects
        self._resent = resent
        self._jitter = jitter

    async def deliver(self, channel: Carrier, item: OutboxItem, behind: OutboxItem | None) -> Step:
        """Bring `item`, claimed, to the end of this attempt; `behind` is claimed with it where its turn has come."""
        error: ChannelError
        try:
            if item.duplicate and item.attempted is not None:
                settled = await self._find_out(channel, item)
                if isinstance(settled, Receipt):
                    return await self._close(item, settled, behind)
                item = settled
            held = self._not_to_be_sent(item)
            if held is not None:
                return await self._follow(held, item, behind)
            label = self._labels(item.language) if item.duplicate else None
            await self._wait_turn(channel, item)
            receipt = await channel.send(Delivery(item.id, item.destination, item.payload, label))
        except ChannelError as failure:
            error = failure
        except Exception as fault:
            log.exception("A channel failed in a way of its own", extra={"item": item.id})
            error = OutcomeUnknown(type(fault).__name__)
        else:
            return await self._close(item, receipt, behind)
        verdict = after_failure(error, item, self._clock.now(), self._jitter())
        return await self._follow(verdict, item, behind, refused=isinstance(error, Unauthorized))

    async def release(self, item: OutboxItem) -> None:
        """Give a claimed row back that nothing was done with."""
        await self._write_down([self._store.again(item, Again(self._clock.now(), charged=False, reason="released"))])

    async def _wait_turn(self, channel: Carrier, item: OutboxItem) -> None:
        """A row that is stopped while it waits has certainly not left: it is given back, not left in doubt."""
        try:
            await channel.wait_turn(item.destination)
        except asyncio.CancelledError:
            await asyncio.shield(self.release(item))
            raise

    async def _find_out(self, channel: Carrier, item: OutboxItem) -> Receipt | OutboxItem:
        """What became of the attempt whose end nobody saw: a receipt, or the item with what is known of it now."""
        label = self._labels(item.language)  # a later attempt may have shown it
        delivery = Delivery(item.id, item.destination, item.payload, label)
        try:
            return await channel.settle(delivery, item.attempted or self._clock.now())
        except _NO_ANSWER:
            raise
        except NotSent:
            log.info("An interrupted delivery did not arrive", extra={"item": item.id})
            return replace(item, duplicate=False, attempted=None)
        except ChannelError as error:
            log.info("Nobody can tell whether a delivery arrived", extra={"item": item.id, "reason": str(error)})
            return item

    def _not_to_be_sent(self, item: OutboxItem) -> Dead | Held | None:
        now = self._clock.now()
        if item.duplicate:
            return after_settling(item, now, self._resent)
        return Dead("expired") if item.expires <= now else None

    async def _close(self, item: OutboxItem, receipt: Receipt, behind: OutboxItem | None) -> Step:
        ending = [self._store.sent(item, receipt), *self._effects.sent(item)]
        step = await self._end(ending, behind)
        self._effects.after_sent(item)
        return step

    async def _end(self, ending: Sequence[Statement], behind: OutboxItem | None) -> Step:
        """Close a row and claim the one behind it."""
        if behind is None or behind.expires <= self._clock.now():
            await self._write_down(ending)
            return Step()
        results = await self._write_down([*ending, self._store.claim(behind, required=False)])
        return Step(claimed_item(behind, results[-1][0]) if results and results[-1] else None)

    async def _follow(
        self, verdict: Verdict, item: OutboxItem, behind: OutboxItem | None, *, refused: bool = False
    ) -> Step:
        chat = item.destination.chat
        match verdict:
            case Again():
                log.info("Will send again", extra={"item": item.id, "reason": verdict.reason})
                await self._write_down([self._store.again(item, verdict)])
                return Step(waits=True, refused=refused)
            case Dead():
                log.error("A message became a dead letter", extra={"item": item.id, "reason": verdict.reason})
                return await self._end([self._store.end(item, "failed", verdict.reason)], behind)
            case Held():
                log.error("Nobody knows whether a message arrived; it is held", extra={"item": item.id})
                return await self._end([self._store.end(item, "unknown", verdict.reason)], behind)
            case Moved():
                log.info("A chat has moved", extra={"chat": chat, "new_chat": verdict.new_chat})
                again = self._store.again(item, Again(self._clock.now(), charged=False, reason="chat_moved"))
                await self._write_down([again, *self._effects.moved(item.chat_key, verdict.new_chat)])
                await self._effects.after_change()
                return Step(waits=True, moved_to=verdict.new_chat)
            case Closed():
                log.error("A chat takes nothing any more", extra={"chat": chat, "reason": verdict.reason})
                state: State = "unknown" if item.duplicate else "failed"
                ending = self._store.end(item, state, verdict.reason)
                await self._write_down([ending, *self._effects.closed(item.chat_key, verdict.reason)])
                await self._effects.after_change()
                return Step(waits=True)

    async def _write_down(self, statements: Sequence[Statement]) -> Sequence[Sequence[Row]]:
        """What the platform did must not be forgotten: repeat until the database takes it."""
        try:
            return await commit_patiently(self._storage, self._clock, statements)
        except StorageError:
            log.exception("The outcome of a delivery could not be written down")
            return ()
