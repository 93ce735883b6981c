"""Small transactions to test a storage with, and what the server says of them."""

import asyncio

import psycopg

from bot.storage.errors import GuardFailed
from bot.storage.port import SqlValue, Statement, Storage
from tests.patience import PATIENCE_SECONDS


def touch(key: str) -> Statement:
    return Statement("sessions.touch", {"key": key, "agent": "main", "now_ms": 1, "added": 0})


def append(key: str, text: str = "x") -> Statement:
    values: dict[str, SqlValue] = {"key": key, "role": "user", "content": text, "metadata": "{}", "created_ms": 1}
    return Statement("sessions.append", values, required=True)


def refused() -> Statement:
    return Statement("inbox.begin", {"id": 404}, required=True)


async def keys(storage: Storage, names: list[str]) -> list[str]:
    """Which of these sessions are there."""
    found = []
    for name in names:
        try:
            await storage.commit([append(name)])
        except GuardFailed:
            continue
        found.append(name)
    return found


async def texts(storage: Storage, key: str) -> list[str]:
    """What was said in a session, the newest first."""
    return [row["content"] for row in await storage.read("sessions.history", {"key": key, "most": 1000})]


async def waits(server: psycopg.Connection, event: str) -> None:
    """Return when somebody in this database waits for `event`: "Lock" for a lock, "SyncRep" for a stand-by server."""
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND %s IN (wait_event_type, wait_event)"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not server.execute(query, (event,)).fetchone():
            await asyncio.sleep(0)
