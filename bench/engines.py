"""The storage beside raw SQLite, and beside itself with one caller."""

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.port import Storage
from bot.storage.sqlite import open_sqlite
from channels.clock import SystemClock

CALLERS = 64
COMMITS = 6400


async def measure_group_commit() -> None:
    """Turns (three inserts each) of CALLERS sessions at once, against the same turns one after another, and against
    raw SQLite committing one after another."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "javis.db") as storage:
            ours = await turns_a_second(storage)
            alone = await turns_a_second(storage, callers=1, commits=COMMITS // 8)
        raw = _one_by_one(Path(folder) / "raw.db", COMMITS // 8)
    print(f"turn commits a second       {ours:8.0f}       {ours / alone:5.2f} x one at a time {alone:.0f}")
    print(f"                                           {ours / raw:5.2f} x raw SQLite one by one {raw:.0f}")


async def turns_a_second(storage: Storage, callers: int = CALLERS, commits: int = COMMITS) -> float:
    """`commits` turns by `callers` at once, each of a session of its own."""
    clock = SystemClock()
    sessions = SessionStore(storage, clock)

    async def caller(number: int) -> None:
        for _ in range(commits // callers):
            records = [Record("user", "question", clock.now()), Record("assistant", "answer", clock.now())]
            await storage.commit(sessions.append(Conversation(f"agent:main:telegram:direct:{number}"), "main", records))

    begin = time.monotonic()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    return commits / (time.monotonic() - begin)


def _one_by_one(path: Path, commits: int) -> float:
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, session TEXT, role TEXT, content TEXT)")
    begin = time.monotonic()
    for _ in range(commits):
        database.execute("BEGIN IMMEDIATE")
        for role in ("session", "user", "assistant"):
            database.execute("INSERT INTO messages (session, role, content) VALUES ('s', ?, 'text')", (role,))
        database.execute("COMMIT")
    seconds = time.monotonic() - begin
    database.close()
    return commits / seconds
