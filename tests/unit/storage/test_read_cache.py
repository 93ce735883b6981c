"""Repeated reads are answered from memory exactly as long as nobody has written."""

import sqlite3
from pathlib import Path

import pytest

from bot.storage import read_cache
from bot.storage.port import Statement
from bot.storage.sqlite import open_sqlite


def touch(key: str) -> Statement:
    return Statement("sessions.touch", {"key": key, "agent": "main", "now_ms": 1, "added": 0})


async def test_a_read_after_a_commit_sees_it(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        for number in range(20):
            assert len(await storage.read("sessions.list", {"most": 50})) == number
            assert len(await storage.read("sessions.list", {"most": 50})) == number
            await storage.commit([touch(f"agent:main:direct:{number}")])


async def test_a_repeated_read_is_not_read_again(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        await storage.commit([touch("agent:main:main")])
        first = await storage.read("sessions.list", {"most": 50})
        assert await storage.read("sessions.list", {"most": 50}) is first
        assert await storage.read("sessions.list", {"most": 49}) is not first


async def test_a_write_of_another_process_is_seen(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        await storage.commit([touch("agent:main:main")])
        assert len(await storage.read("sessions.list", {"most": 50})) == 1
        other = sqlite3.connect(tmp_path / "javis.db")
        other.execute("DELETE FROM sessions")
        other.commit()
        other.close()
        assert len(await storage.read("sessions.list", {"most": 50})) == 0


async def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_cache, "MOST_CHARACTERS", 1000)
    monkeypatch.setattr(read_cache, "MOST_ROWS", 3)
    connection = sqlite3.connect(tmp_path / "x.db")
    connection.row_factory = sqlite3.Row
    (row,) = connection.execute("SELECT 'text' AS text")
    cache = read_cache.ReadCache(connection)
    version, nothing = cache.find("query", {})
    assert nothing is None
    cache.keep(version, "query", {}, [row] * 4)
    assert cache.find("query", {})[1] is None
    for number in range(100):
        cache.keep(version, "query", {"number": number}, [row])
    assert cache.characters <= 1000
    assert cache.find("query", {"number": 0})[1] == [row]
    assert cache.find("query", {"number": 99})[1] is None
    cache.keep(version - 1, "late", {}, [row])
    assert cache.find("late", {})[1] is None
    connection.close()
