"""Who works beside whom, once a process has died with them under way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.inbox import InboxStore, StoredUpdate
from bot.pipeline.suspects import MOST_BEGUN_AGAIN, MOST_UNSUSPECTED, Suspects
from bot.sessions.lanes import Lanes
from bot.storage.port import Storage
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock
from channels.port import RawUpdate
from tests.patience import PATIENCE_SECONDS


class Ward:
    """What was left over, and whose work is under way."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.lanes = Lanes(8)
        self.inbox = InboxStore(storage, ManualClock())
        self.suspects = Suspects(storage, ManualClock(), self.inbox, self.lanes)
        self.under_way: dict[str, int] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self._changed = asyncio.Event()

    async def left_over(self, **begun_again: int) -> list[StoredUpdate]:
        """An update of each name, as the next start finds them."""
        stored = await self.inbox.store("telegram", "default", [RawUpdate(name, "{}") for name in begun_again])
        for update, times in zip(stored, begun_again.values(), strict=True):
            await self.storage.commit([self.inbox.begin(update)] * times)
        return await self.waiting()

    async def waiting(self) -> list[StoredUpdate]:
        return await self.inbox.waiting("telegram", "default", after=0, most=99)

    def work(self, update: StoredUpdate) -> None:
        """Until it is let go; what works is never finished here."""
        name = update.update_id
        gate = self.gates[name] = asyncio.Event()

        async def job() -> None:
            try:
                async with self.suspects.begun(update, name) as times:
                    self.under_way[name] = times
                    self._changed.set()
                    await gate.wait()
            finally:
                self.under_way.pop(name, None)
                self._changed.set()

        self.lanes.submit(name, job)

    async def until(self, *names: str) -> None:
        """These are under way, and nobody else could have begun."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while set(self.under_way) != set(names):
                self._changed.clear()
                await self._changed.wait()
        await self.storage.commit([])  # behind all that was asked for before
        await asyncio.sleep(0)
        assert set(self.under_way) == set(names)


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        yield Ward(storage)


async def test_suspects_work_one_at_a_time_beside_those_that_are_none(ward: Ward) -> None:
    updates = await ward.left_over(a=MOST_UNSUSPECTED, b=MOST_UNSUSPECTED, c=0, d=MOST_UNSUSPECTED - 1)
    for update in updates:
        ward.work(update)
    await ward.until("a", "c", "d")
    ward.gates["a"].set()
    await ward.until("b", "c", "d")
    assert ward.under_way == {"b": MOST_UNSUSPECTED + 2, "c": 2, "d": MOST_UNSUSPECTED + 1}
    for gate in ward.gates.values():
        gate.set()
    await ward.lanes.wait_idle()


async def test_those_that_wait_for_their_turn_are_not_charged(ward: Ward) -> None:
    for update in await ward.left_over(a=MOST_UNSUSPECTED, b=MOST_UNSUSPECTED):
        ward.work(update)
    await ward.until("a")
    assert [update.begun_again for update in await ward.waiting()] == [MOST_UNSUSPECTED + 1, MOST_UNSUSPECTED]
    for gate in ward.gates.values():
        gate.set()
    await ward.lanes.wait_idle()


async def test_last_chance_is_had_with_nothing_else_under_way(ward: Ward) -> None:
    last, other = await ward.left_over(last=MOST_BEGUN_AGAIN - 1, other=0)
    (fresh,) = await ward.inbox.store("telegram", "default", [RawUpdate("fresh", "{}")])
    ward.work(other)
    await ward.until("other")
    ward.work(last)
    await ward.until("other")
    ward.work(fresh)
    await ward.until("other")
    ward.gates["other"].set()
    await ward.until("last")
    ward.gates["last"].set()
    await ward.until("fresh")
    assert ward.under_way == {"fresh": 1}
    ward.gates["fresh"].set()
    await ward.lanes.wait_idle()


async def test_what_used_up_its_chances_keeps_nobody_from_working(ward: Ward) -> None:
    for update in await ward.left_over(spent=MOST_BEGUN_AGAIN, suspect=MOST_UNSUSPECTED):
        ward.work(update)
    await ward.until("spent", "suspect")
    assert ward.under_way["spent"] > 1 + MOST_BEGUN_AGAIN
    for gate in ward.gates.values():
        gate.set()
    await ward.lanes.wait_idle()


async def test_stop_in_good_order_charges_nobody(ward: Ward) -> None:
    updates = await ward.left_over(a=0, b=MOST_UNSUSPECTED, c=MOST_UNSUSPECTED)
    async with ward.lanes.open(grace_seconds=0):
        for update in updates:
            ward.work(update)
        await ward.until("a", "b")
    assert [update.begun_again for update in await ward.waiting()] == [0, MOST_UNSUSPECTED, MOST_UNSUSPECTED]


async def test_last_chance_is_used_up_by_a_stop_since_it_held_all_others_up(
    ward: Ward, caplog: pytest.LogCaptureFixture
) -> None:
    (last,) = await ward.left_over(last=MOST_BEGUN_AGAIN - 1)
    async with ward.lanes.open(grace_seconds=0):
        ward.work(last)
        await ward.until("last")
    assert [update.begun_again for update in await ward.waiting()] == [MOST_BEGUN_AGAIN]
    assert [record.update for record in caplog.records] == ["telegram/default/last"]  # type: ignore[attr-defined]
