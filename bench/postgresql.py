"""Turns on PostgreSQL beside raw psycopg, one transaction after another on the same server."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

import psycopg

from bench.engines import COMMITS, turns_a_second
from bot.storage.postgresql.storage import open_postgresql
from channels.clock import SystemClock

SERVER: Final = "postgresql://postgres@127.0.0.1:5432/postgres"
TURN: Final = (
    (
        "INSERT INTO sessions (key, agent, created_ms, last_active_ms) VALUES ('raw', 'main', 1, 1)"
        " ON CONFLICT (key) WHERE closed_ms IS NULL DO UPDATE SET last_active_ms = 2"
    ),
    (
        "INSERT INTO messages (session_id, role, content, created_ms)"
        " SELECT id, 'user', 'question', 1 FROM sessions WHERE key = 'raw' AND closed_ms IS NULL"
    ),
    (
        "INSERT INTO messages (session_id, role, content, created_ms)"
        " SELECT id, 'assistant', 'answer', 1 FROM sessions WHERE key = 'raw' AND closed_ms IS NULL"
    ),
)


async def measure_postgresql() -> None:
    """Turns (three statements each) by many callers at once, against raw psycopg committing one after another."""
    with fresh_schema() as url:
        if url is None:
            print("turn commits on PostgreSQL  no server: name one in JAVIS_TEST_POSTGRESQL_URL")
            return
        async with open_postgresql(url, SystemClock()) as storage:
            ours = await turns_a_second(storage)
        raw = _one_by_one(url, COMMITS // 8)
    print(f"turn commits on PostgreSQL  {ours:8.0f}       {ours / raw:5.2f} x raw psycopg one by one {raw:.0f}")


@contextmanager
def fresh_schema() -> Iterator[str | None]:
    """The URL of an empty schema, dropped at the end; None where there is no server."""
    server = os.environ.get("JAVIS_TEST_POSTGRESQL_URL", SERVER)
    try:
        connection = psycopg.connect(server, autocommit=True, connect_timeout=2)
    except psycopg.OperationalError:
        yield None
        return
    schema = f"javis_bench_{uuid4().hex[:12]}"
    with connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        try:
            yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
        finally:
            connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())


def _one_by_one(url: str, commits: int) -> float:
    with psycopg.connect(url, autocommit=True, prepare_threshold=0) as connection:
        begin = time.monotonic()
        for _ in range(commits):
            with connection.transaction():
                for statement in TURN:
                    connection.execute(statement.encode())
        return commits / (time.monotonic() - begin)
