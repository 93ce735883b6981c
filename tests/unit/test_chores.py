"""What a house forgets by itself."""

from datetime import timedelta
from pathlib import Path

from bot.chores import prune
from bot.delivery.item import Source, make_items
from bot.delivery.store import KEEP_FINISHED
from bot.storage.pruning import MOST_AT_ONCE
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
