"""What every storage promises, on real SQLite and on real PostgreSQL."""

import asyncio
from typing import Any

import pytest

from bot.inbox import InboxStore
from bot.storage.errors import GuardFailed, StatementFailed
from bot.storage.port import Statement, Storage
from bot.storage.pruning import forget
from channels.clock import ManualClock
from channels.port import RawUpdate
from tests.patience import PATIENCE_SECONDS
from tests.unit.storage.conftest import OpenStorage
from tests.unit.storage.statements import append, keys, refused, texts, touch


async def test_commit_answers_the_rows_of_each_statement(storage: Storage) -> None:
    store = InboxStore(storage, ManualClock())
    (update,) = await store.store("telegram", "default", [RawUpdate("1", '{"a": "%s :b"}')], also=[touch("a")])
    rows = await storage.commit([store.begin(update), touch("b"), store.begin(update)])
    assert [[row["attempts"] for row in each] for each in rows] == [[1], [], [2]]
    assert list((await storage.read("inbox.waiting_count", {}))[0].keys()) == ["waiting"]


async def test_transaction_with_a_failing_guard_takes_back_only_itself(storage: Storage) -> None:
    outcomes = await asyncio.gather(
        storage.commit([touch("a")]),
        storage.commit([touch("b"), refused()]),
        storage.commit([touch("c")]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], GuardFailed)
    assert outcomes[1].statement == "inbox.begin"
    assert await keys(storage, ["a", "b", "c"]) == ["a", "c"]


@pytest.mark.parametrize(("key", "now_ms"), [(None, 1), ("half \ud800", 1), ("b", 2**80)])
async def test_transaction_with_a_broken_value_takes_back_only_itself(
    storage: Storage, key: str | None, now_ms: int
) -> None:
    broken = Statement("sessions.touch", {"key": key, "agent": "main", "now_ms": now_ms, "added": 0})
    outcomes = await asyncio.gather(
        storage.commit([touch("a"), broken]), storage.commit([touch("b")]), return_exceptions=True
    )
    assert isinstance(outcomes[0], StatementFailed)
    assert await keys(storage, ["a", "b"]) == ["b"]


async def test_broken_value_in_a_question_is_refused(storage: Storage) -> None:
    with pytest.raises(StatementFailed):
        await storage.read("sessions.of_key", {"key": "half \ud800", "most": 1})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sessions.nobody_wrote_this", {}),
        ("sessions.touch", {"key": "b", "agent": "main", "now_ms": 1}),
        ("sessions.touch", {"key": "b", "agent": object(), "now_ms": 1, "added": 0}),
        ("sessions.touch", {"key": "b", "agent": {"main": 1}, "now_ms": 1, "added": 0}),
    ],
)
async def test_statement_that_is_a_mistake_fails_its_own_transaction_and_the_writer_goes_on(
    storage: Storage, name: str, values: Any
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        outcomes = await asyncio.gather(
            storage.commit([touch("a"), Statement(name, values)]),
            storage.commit([touch("c")]),
            return_exceptions=True,
        )
        assert isinstance(outcomes[0], StatementFailed)
        assert name in str(outcomes[0])
        await storage.commit([touch("d")])
    assert await keys(storage, ["a", "b", "c", "d"]) == ["c", "d"]


async def test_question_that_is_a_mistake_is_refused_by_its_name(storage: Storage) -> None:
    mistakes: list[tuple[str, Any]] = [
        ("sessions.nobody_wrote_this", {}),
        ("sessions.of_key", {"key": {"a": 1}, "most": 1}),
        ("sessions.of_key", {"key": "a"}),
    ]
    for name, values in mistakes:
        with pytest.raises(StatementFailed, match=name):
            await storage.read(name, values)


async def test_text_of_strangers_is_kept_as_it_is(storage: Storage) -> None:
    hostile = ["'; DROP TABLE messages; --", "%s %(key)s :key $1", "\\ \x01 \x7f", "🧪 家\u202e\u0301", ""]
    await storage.commit([touch("a"), *(append("a", text) for text in hostile)])
    assert await texts(storage, "a") == hostile[::-1]


async def test_nul_character_does_not_refuse_a_message(storage: Storage) -> None:
    await storage.commit([touch("a"), append("a", "before\0after")])
    (kept,) = await texts(storage, "a")
    assert kept in {"before\0after", "before\ufffdafter"}


async def test_cancelled_callers_do_not_harm_the_others(storage: Storage) -> None:
    tasks = [asyncio.create_task(storage.commit([touch(str(number))])) for number in range(300)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    assert len(kept) == 200
    assert await keys(storage, [str(number) for number in kept]) == [str(number) for number in kept]


async def test_many_callers_are_committed_in_the_order_in_which_they_asked(storage: Storage) -> None:
    await storage.commit([touch("a")])
    said = [str(number) for number in range(700)]
    await asyncio.gather(*(storage.commit([append("a", text)]) for text in said))
    assert await texts(storage, "a") == said[::-1]


async def test_what_is_committed_is_there_after_a_restart(open_again: OpenStorage) -> None:
    async with open_again() as storage:
        await storage.commit([touch("a"), append("a", "kept")])
    async with open_again() as storage:
        assert await texts(storage, "a") == ["kept"]


async def test_closing_waits_for_the_commits_that_were_asked_for(open_again: OpenStorage) -> None:
    async with open_again() as storage:
        asked = [asyncio.create_task(storage.commit([touch(str(number))])) for number in range(50)]
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*asked)) == 50


async def test_two_openers_of_a_fresh_database_both_open(open_again: OpenStorage) -> None:
    async with open_again() as one, open_again() as two:
        await one.commit([touch("a")])
        assert await keys(two, ["a"]) == ["a"]


async def test_only_writes_of_others_count_as_changes_elsewhere(storage: Storage, open_again: OpenStorage) -> None:
    assert not await storage.changed_elsewhere()
    await storage.commit([touch("a")])
    assert not await storage.changed_elsewhere()
    async with open_again() as other:
        await other.commit([touch("b")])
        await _until_changed(storage)
        assert not await storage.changed_elsewhere()


async def _until_changed(storage: Storage) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await storage.changed_elsewhere():
            await asyncio.sleep(0)


async def test_same_update_is_stored_once(storage: Storage) -> None:
    inbox = InboxStore(storage, ManualClock())
    first = await inbox.store("telegram", "default", [RawUpdate("1", "{}"), RawUpdate("2", "{}")])
    again = await inbox.store("telegram", "default", [RawUpdate("2", "{}"), RawUpdate("3", "{}")])
    assert [update.update_id for update in [*first, *again]] == ["1", "2", "3"]
    await storage.commit([inbox.finish(first[0], "done")])
    with pytest.raises(GuardFailed):
        await storage.commit([inbox.finish(first[0], "done")])
    assert [update.update_id for update in await inbox.waiting("telegram", "default", after=0, most=9)] == ["2", "3"]


async def test_many_old_rows_are_forgotten_a_few_in_each_transaction(storage: Storage) -> None:
    clock = ManualClock()
    inbox = InboxStore(storage, clock)
    updates = [RawUpdate(str(number), "{}") for number in range(8)]
    stored = await inbox.store("telegram", "default", updates)
    await storage.commit([inbox.finish(update, "done") for update in stored[:7]])
    await clock.advance(10 * 86_400)
    (forgotten,) = await storage.commit([inbox.prune(3)])
    assert len(forgotten) == 3
    await forget(storage, inbox.prune(3))
    assert len(await inbox.store("telegram", "default", updates)) == 7


async def test_finished_updates_are_forgotten_after_nine_days(storage: Storage) -> None:
    clock = ManualClock()
    inbox = InboxStore(storage, clock)
    (update,) = await inbox.store("telegram", "default", [RawUpdate("1", "{}")])
    await storage.commit([inbox.finish(update, "done")])
    await clock.advance(8 * 86_400)
    await storage.commit([inbox.prune()])
    assert await inbox.store("telegram", "default", [RawUpdate("1", "{}")]) == []
    await clock.advance(2 * 86_400)
    await storage.commit([inbox.prune()])
    assert len(await inbox.store("telegram", "default", [RawUpdate("1", "{}")])) == 1
