"""Copies of the database, taken while it is written to."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.storage.backup import back_up
from bot.storage.errors import DatabaseUnusable, StorageUnavailable
from bot.storage.sqlite import open_sqlite
from tests.unit.storage.statements import append, texts, touch


async def test_copy_holds_one_moment_of_a_database_that_is_written_to(tmp_path: Path) -> None:
    database, copy = tmp_path / "javis.db", tmp_path / "copy.db"
    steps: list[tuple[int, int]] = []
    async with open_sqlite(database) as storage:
        await storage.commit([touch("a"), *(append("a", "x" * 4000) for _ in range(3000))])

        async def write() -> None:
            number = 0
            while not copying.done():
                await storage.commit([append("a", f"one {number}"), append("a", f"two {number}")])
                number += 1

        copying = asyncio.ensure_future(asyncio.to_thread(back_up, database, copy, lambda *step: steps.append(step)))
        await write()
        await copying
    assert len(steps) > 2
    assert steps[-1][0] == steps[-1][1]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"javis.db", "copy.db"}
    async with open_sqlite(copy) as opened:
        said = [row["content"] for row in await opened.read("sessions.history", {"key": "a", "most": 10_000})]
    ones, twos = (sum(text.startswith(word) for text in said) for word in ("one", "two"))
    assert ones == twos
    assert len(said) == 3000 + 2 * ones


async def test_backup_that_is_brought_back_readable_for_all_is_made_private(tmp_path: Path) -> None:
    database, copy = tmp_path / "javis.db", tmp_path / "copy.db"
    async with open_sqlite(database) as storage:
        await storage.commit([touch("a"), append("a", "kept")])
    back_up(database, copy, lambda *_: None)
    copy.replace(database)
    database.chmod(0o644)
    async with open_sqlite(database) as storage:
        assert await texts(storage, "a") == ["kept"]
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


async def test_nothing_is_replaced_and_nothing_half_is_left(tmp_path: Path) -> None:
    database, copy = tmp_path / "javis.db", tmp_path / "copy.db"
    with pytest.raises(DatabaseUnusable, match="JAVIS_HOME"):
        back_up(database, copy, lambda *_: None)
    async with open_sqlite(database):
        pass
    copy.write_text("mine")
    with pytest.raises(FileExistsError):
        back_up(database, copy, lambda *_: None)
    assert copy.read_text() == "mine"
    with pytest.raises(StorageUnavailable, match="choose another place"):
        back_up(database, tmp_path / "nowhere" / "copy.db", lambda *_: None)
    database.write_bytes(database.read_bytes()[:4096] + b"\xff" * 8192)
    with pytest.raises(DatabaseUnusable, match="damaged"):
        back_up(database, tmp_path / "other.db", lambda *_: None)
    assert not list(tmp_path.glob("other*"))


async def test_lock_of_another_program_does_not_stop_the_copy(tmp_path: Path) -> None:
    database = tmp_path / "javis.db"
    async with open_sqlite(database) as storage:
        await storage.commit([touch("a"), append("a", "kept")])
        with closing(sqlite3.connect(database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.to_thread(back_up, database, tmp_path / "copy.db", lambda *_: None)
    async with open_sqlite(tmp_path / "copy.db") as copy:
        assert await texts(copy, "a") == ["kept"]
