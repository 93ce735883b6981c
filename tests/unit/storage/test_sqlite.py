"""The SQLite storage with a real file."""

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.inbox import InboxStore
from bot.storage import sqlite
from bot.storage.errors import DatabaseBusy, DatabaseFull, DatabaseUnusable, GuardFailed, StatementFailed
from bot.storage.lock import run_is_active, run_lock
from bot.storage.port import SqlValue, Statement
from bot.storage.queries import load_queries
from bot.storage.sqlite import SqliteStorage, open_sqlite
from channels.clock import ManualClock
from channels.port import RawUpdate


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    async with open_sqlite(tmp_path / "home" / "javis.db") as opened:
        yield opened


def touch(key: str) -> Statement:
    return Statement("sessions.touch", {"key": key, "agent": "main", "now_ms": 1})


def refused() -> Statement:
    return Statement("inbox.begin", {"id": 404}, required=True)


async def keys(storage: SqliteStorage, names: list[str]) -> list[str]:
    found = []
    for name in names:
        values: dict[str, SqlValue] = {"key": name, "role": "user", "content": "x", "metadata": "{}", "created_ms": 1}
        try:
            await storage.commit([Statement("sessions.append", values, required=True)])
        except GuardFailed:
            continue
        found.append(name)
    return found


async def test_transaction_with_a_failing_guard_takes_back_only_itself(storage: SqliteStorage) -> None:
    outcomes = await asyncio.gather(
        storage.commit([touch("a")]),
        storage.commit([touch("b"), refused()]),
        storage.commit([touch("c")]),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], GuardFailed)
    assert await keys(storage, ["a", "b", "c"]) == ["a", "c"]


@pytest.mark.parametrize(("key", "now_ms"), [(None, 1), ("half \ud800", 1), ("b", 2**80)])
async def test_transaction_with_a_broken_value_takes_back_only_itself(
    storage: SqliteStorage, key: str | None, now_ms: int
) -> None:
    broken = Statement("sessions.touch", {"key": key, "agent": "main", "now_ms": now_ms})
    outcomes = await asyncio.gather(
        storage.commit([touch("a"), broken]), storage.commit([touch("b")]), return_exceptions=True
    )
    assert isinstance(outcomes[0], StatementFailed)
    assert await keys(storage, ["a", "b"]) == ["b"]


async def test_cancelled_callers_do_not_harm_the_others(storage: SqliteStorage) -> None:
    tasks = [asyncio.create_task(storage.commit([touch(str(number))])) for number in range(300)]
    await asyncio.sleep(0)
    for task in tasks[::3]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    assert len(kept) == 200
    assert await keys(storage, [str(number) for number in kept]) == [str(number) for number in kept]


async def test_every_commit_is_synced_and_files_are_private(storage: SqliteStorage, tmp_path: Path) -> None:
    await storage.commit([touch("a")])
    assert storage._writer.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert storage._writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    home = tmp_path / "home"
    assert home.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}


async def test_same_update_is_stored_once(storage: SqliteStorage) -> None:
    inbox = InboxStore(storage, ManualClock())
    first = await inbox.store("telegram", "default", [RawUpdate("1", "{}"), RawUpdate("2", "{}")])
    again = await inbox.store("telegram", "default", [RawUpdate("2", "{}"), RawUpdate("3", "{}")])
    assert [update.update_id for update in [*first, *again]] == ["1", "2", "3"]
    await storage.commit([inbox.done(first[0])])
    with pytest.raises(GuardFailed):
        await storage.commit([inbox.done(first[0])])
    assert [update.update_id for update in await inbox.waiting("telegram", "default", after=0, most=9)] == ["2", "3"]


async def test_finished_updates_are_forgotten_after_nine_days(storage: SqliteStorage) -> None:
    clock = ManualClock()
    inbox = InboxStore(storage, clock)
    (update,) = await inbox.store("telegram", "default", [RawUpdate("1", "{}")])
    await storage.commit([inbox.done(update)])
    await clock.advance(8 * 86_400)
    await storage.commit([inbox.prune()])
    assert await inbox.store("telegram", "default", [RawUpdate("1", "{}")]) == []
    await clock.advance(2 * 86_400)
    await storage.commit([inbox.prune()])
    assert len(await inbox.store("telegram", "default", [RawUpdate("1", "{}")])) == 1


async def test_full_disk_refuses_the_group_and_works_again_with_room(storage: SqliteStorage) -> None:
    storage._writer.execute("PRAGMA max_page_count = 1")
    pages = storage._writer.execute("PRAGMA page_count").fetchone()[0]
    big = Statement("sessions.touch", {"key": "x" * 100_000, "agent": "main", "now_ms": 1})
    outcomes = await asyncio.gather(storage.commit([touch("a")]), storage.commit([big]), return_exceptions=True)
    assert any(isinstance(outcome, DatabaseFull) for outcome in outcomes)
    storage._writer.execute(f"PRAGMA max_page_count = {pages + 1000}")
    await storage.commit([touch("b")])
    assert "b" in await keys(storage, ["b"])


async def test_lock_of_another_process_is_told_and_passes(
    storage: SqliteStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage._writer.execute("PRAGMA busy_timeout = 1")
    other = sqlite3.connect(tmp_path / "home" / "javis.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            await storage.commit([touch("a")])
        other.execute("COMMIT")
        await storage.commit([touch("a")])
    finally:
        other.close()


async def test_only_writes_of_others_count_as_changes_elsewhere(storage: SqliteStorage, tmp_path: Path) -> None:
    assert not await storage.changed_elsewhere()
    await storage.commit([touch("a")])
    assert not await storage.changed_elsewhere()
    other = sqlite3.connect(tmp_path / "home" / "javis.db", isolation_level=None)
    other.execute("DELETE FROM sessions")
    other.close()
    assert await storage.changed_elsewhere()
    assert not await storage.changed_elsewhere()


async def test_change_before_the_first_look_is_seen(storage: SqliteStorage, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "home" / "javis.db", isolation_level=None)
    other.execute("INSERT INTO heartbeats VALUES ('main', 1)")
    other.close()
    assert await storage.changed_elsewhere()


@pytest.mark.parametrize("spoil", ["newer", "foreign", "garbage"])
async def test_unusable_file_is_refused_with_a_remedy(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "javis.db"
    if spoil == "garbage":
        path.write_bytes(b"no database at all, but long enough to be read as one" * 100)
    else:
        async with open_sqlite(path if spoil == "newer" else tmp_path / "other.db"):
            pass
        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 9999" if spoil == "newer" else "CREATE TABLE theirs (id)")
        database.commit()
        database.close()
    with pytest.raises(DatabaseUnusable, match=re.escape(str(path))):
        async with open_sqlite(path):
            pass


async def test_two_processes_that_start_on_a_fresh_folder_both_open(tmp_path: Path) -> None:
    path = tmp_path / "javis.db"
    async with open_sqlite(path) as one, open_sqlite(path) as two:
        await one.commit([touch("a")])
        assert await keys(two, ["a"]) == ["a"]


def test_lock_is_held_for_one_process_at_a_time(tmp_path: Path) -> None:
    database = tmp_path / "javis.db"
    assert not run_is_active(database)
    with run_lock(database):
        assert run_is_active(database)
        code = (
            "import sys, pathlib\nfrom bot.storage.lock import run_lock\nwith run_lock(pathlib.Path(sys.argv[1])): ..."
        )
        command = [sys.executable, "-c", code, str(database)]
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        assert f"process {os.getpid()}" in other.stderr
    assert not run_is_active(database)


def test_every_named_statement_exists_and_is_used() -> None:
    package = Path(sqlite.__file__).parents[1]
    files = {path.stem for path in package.glob("storage/sql/*.sql")}
    names = re.compile(rf'"((?:{"|".join(sorted(files))})\.[a-z_]+)"')
    used: set[str] = set()
    for path in package.rglob("*.py"):
        used |= set(names.findall(path.read_text("utf-8")))
    assert used == set(load_queries())
