"""The durable core beside raw SQLite and a folder of files."""

import asyncio
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from bot.delivery.item import Source, make_items
from bot.delivery.store import OutboxStore
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Record
from bot.storage.sqlite import open_sqlite
from channels.clock import SystemClock
from channels.message import Destination, Receipt

CALLERS = 64
COMMITS = 6400
ROWS = 4000


async def measure_group_commit() -> None:
    """Turns (three inserts each) by CALLERS at once, against raw SQLite committing one after another."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "javis.db") as storage:
            sessions = SessionStore(storage, clock)

            async def caller(number: int) -> None:
                for _ in range(COMMITS // CALLERS):
                    records = [Record("user", "question", clock.now()), Record("assistant", "answer", clock.now())]
                    await storage.commit(sessions.append(f"agent:main:telegram:direct:{number}", "main", records))

            begin = time.monotonic()
            await asyncio.gather(*(caller(number) for number in range(CALLERS)))
            ours = COMMITS / (time.monotonic() - begin)
        raw = _one_by_one(Path(folder) / "raw.db", COMMITS // 8)
    print(f"turn commits a second       {ours:8.0f}       {ours / raw:5.2f} x raw SQLite one by one {raw:.0f}")


async def measure_outbox() -> None:
    """Rows through enqueue → attempting → sent, against a file per message with fsync."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "javis.db") as storage:
            store = OutboxStore(storage, clock)

            async def caller(number: int) -> None:
                for index in range(ROWS // CALLERS):
                    items = make_items(
                        destination=Destination("telegram", "default", str(number)),
                        kind="answer",
                        source=Source("inbox", f"{number}:{index}"),
                        language="en",
                        payloads=[{"text": "hello"}],
                        now=clock.now(),
                    )
                    await storage.commit(store.enqueue(items))
                    await storage.commit([store.claim(items[0])])
                    await storage.commit([store.sent(items[0], Receipt("1"))])

            begin = time.monotonic()
            await asyncio.gather(*(caller(number) for number in range(CALLERS)))
            ours = (ROWS // CALLERS * CALLERS) / (time.monotonic() - begin)
        files = _file_per_message(Path(folder), ROWS // 4)
    print(f"outbox rows a second        {ours:8.0f}       {ours / files:5.2f} x a file per message {files:.0f}")


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


def _file_per_message(folder: Path, messages: int) -> float:
    begin = time.monotonic()
    for number in range(messages):
        path = folder / f"{number}.json"
        with path.open("w", encoding="utf-8") as file:
            file.write('{"text": "hello"}')
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    return messages / (time.monotonic() - begin)
