"""What a house forgets by itself, and what it notices."""

from datetime import timedelta
from pathlib import Path

import pytest
from typing_extensions import override

from bot.chores import Changes, prune
from bot.delivery.item import Source, make_items
from bot.delivery.store import KEEP_FINISHED
from bot.gateway.tokens import Doorkeeper, TokenStore
from bot.heartbeat.store import HeartbeatStore
from bot.storage.errors import StorageUnavailable
from bot.storage.pruning import MOST_AT_ONCE
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock
from channels.message import Destination
from tests.unit.torture.memory_platform import house_in


async def test_all_that_is_old_is_forgotten_however_much_it_is(tmp_path: Path) -> None:
    clock = ManualClock()
    async with house_in(tmp_path, clock) as house:
        store, now = house.stores.outbox, clock.now()
        items = make_items(
            destination=Destination("telegram", "default", "1"),
            kind="answer",
            source=Source("inbox", "1"),
            language="en",
            payloads=[{"text": "old"}] * (MOST_AT_ONCE + 2),
            now=now,
        )
        *old, young = items
        ended = now - KEEP_FINISHED - timedelta(seconds=1)
        taken_over = [store.enqueue_as(item, ended) for item in old] + [store.enqueue_as(young, now)]
        await house.stores.storage.commit(taken_over)
        await prune(house)
        left = await store.newest(None, len(items))
    assert [item.id for item in left] == [young.id]


class DoorkeeperOfABusyDatabase(Doorkeeper):
    """Cannot read the tokens the first time."""

    refreshed = 0

    @override
    async def refresh(self) -> None:
        self.refreshed += 1
        if self.refreshed == 1:
            raise StorageUnavailable("another process holds the write lock")
        await super().refresh()


async def test_changes_that_could_not_be_read_are_read_at_the_next_look(tmp_path: Path) -> None:
    clock = ManualClock()
    async with house_in(tmp_path, clock) as house, open_sqlite(tmp_path / "data" / "javis.db") as beside:
        doorkeeper = DoorkeeperOfABusyDatabase(TokenStore(house.stores.storage, clock), clock, None)
        changes, wishes = Changes(house, [], doorkeeper), HeartbeatStore(beside, clock)
        await changes.look()
        assert doorkeeper.refreshed == 0
        await beside.commit([wishes.wish("nobody")])
        with pytest.raises(StorageUnavailable):
            await changes.look()
        await changes.look()
        assert await wishes.answered("nobody") == (True, "no such heartbeat")
        await changes.look()
        assert doorkeeper.refreshed == 2
