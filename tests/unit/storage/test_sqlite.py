"""The SQLite storage with a real file."""

import asyncio
import fcntl
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from bot.storage.errors import DatabaseBusy, DatabaseFull, DatabaseUnusable
from bot.storage.lock import lock_path, run_is_active, run_lock
from bot.storage.port import Statement
from bot.storage.sqlite import SqliteStorage, open_sqlite
from tests.patience import PATIENCE_SECONDS
from tests.unit.storage.statements import keys, touch


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqliteStorage]:
    async with open_sqlite(tmp_path / "home" / "javis.db") as opened:
        yield opened


async def test_every_commit_is_synced_and_files_are_private(storage: SqliteStorage, tmp_path: Path) -> None:
    await storage.commit([touch("a")])
    assert storage._writer.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert storage._writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    home = tmp_path / "home"
    assert home.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o600}


async def test_full_disk_refuses_the_group_and_works_again_with_room(storage: SqliteStorage) -> None:
    storage._writer.execute("PRAGMA max_page_count = 1")
    pages = storage._writer.execute("PRAGMA page_count").fetchone()[0]
    big = Statement("sessions.touch", {"key": "x" * 100_000, "agent": "main", "now_ms": 1, "added": 0})
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


async def test_change_before_the_first_look_is_seen(storage: SqliteStorage, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "home" / "javis.db", isolation_level=None)
    other.execute("INSERT INTO heartbeats (agent, last_run_ms) VALUES ('main', 1)")
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


def test_look_whether_a_bot_runs_keeps_none_from_starting(tmp_path: Path) -> None:
    database = tmp_path / "javis.db"

    def start() -> None:
        with run_lock(database):
            pass

    start()
    with ThreadPoolExecutor() as threads, lock_path(database).open() as another_look:
        fcntl.flock(another_look, fcntl.LOCK_SH)
        assert not run_is_active(database)
        starting = threads.submit(start)
        assert not wait([starting], timeout=0.05).done
        another_look.close()
        starting.result(PATIENCE_SECONDS)
