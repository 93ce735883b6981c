"""PostgreSQL alone: broken connections, commits in doubt, downgrades."""

import asyncio
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from bot.storage.errors import DatabaseBusy, DatabaseUnusable, StatementFailed, StorageUnavailable
from bot.storage.port import Storage
from bot.storage.postgresql import storage as module
from bot.storage.postgresql.connection import IDLE_SECONDS, UNHEARD_MS
from bot.storage.postgresql.group import CommitInDoubt
from bot.storage.postgresql.storage import PostgresqlStorage, open_postgresql
from channels.clock import SystemClock
from tests.loop_time import LoopTime
from tests.patience import PATIENCE_SECONDS
from tests.postgresql import OwnServer, own_server
from tests.unit.storage.statements import append, keys, texts, touch, waits


@pytest.fixture
async def storage(postgresql_database: str) -> AsyncIterator[PostgresqlStorage]:
    async with open_postgresql(postgresql_database, SystemClock()) as opened:
        yield opened


@pytest.fixture
def other(postgresql_database: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgresql_database, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def own() -> Iterator[OwnServer]:
    with own_server() as server:
        yield server


async def committed(storage: Storage, key: str) -> None:
    """Repeat as a caller does, until the database is back."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await storage.commit([touch(key)])
            except StorageUnavailable:
                await asyncio.sleep(0.01)
            else:
                return


async def test_server_that_crashes_and_comes_back_loses_nothing_that_was_acknowledged(own: OwnServer) -> None:
    async with open_postgresql(own.url, SystemClock()) as storage:
        kept: list[str] = []
        said = iter(range(1_000_000))
        crashed = asyncio.Event()

        async def caller() -> None:
            while not crashed.is_set():
                text = str(next(said))
                try:
                    await storage.commit([touch("a"), append("a", text)])
                except StorageUnavailable:
                    await asyncio.sleep(0.01)
                else:
                    kept.append(text)

        callers = [asyncio.create_task(caller()) for _ in range(20)]
        while len(kept) < 200:
            await asyncio.sleep(0)
        await asyncio.to_thread(own.stop, "immediate")
        with pytest.raises(StorageUnavailable, match="cannot be reached"):
            await storage.read("inbox.waiting_count", {})
        await asyncio.to_thread(own.start)
        await committed(storage, "b")
        crashed.set()
        await asyncio.gather(*callers)
        rows = await storage.read("sessions.history", {"key": "a", "most": 1_000_000})
        there = [row["content"] for row in rows]
        assert set(kept) <= set(there)
        assert len(there) == len(set(there))


async def test_server_that_stands_still_refuses_the_group_and_the_next_one_goes_on(
    own: OwnServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_postgresql(own.url, SystemClock()) as storage:
        await storage.commit([touch("frozen a")])
        backend = storage._writer.info.backend_pid
        os.kill(backend, signal.SIGSTOP)
        try:
            with monkeypatch.context() as patch:
                patch.setattr(module, "GROUP_SECONDS", 0.2)
                with pytest.raises(StorageUnavailable, match="does not answer"):
                    await storage.commit([touch("frozen b")])
            await committed(storage, "frozen c")
        finally:
            os.kill(backend, signal.SIGCONT)
        assert await keys(storage, ["frozen a", "frozen b", "frozen c"]) == ["frozen a", "frozen c"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems call it otherwise, or have no such limit")
async def test_both_sides_give_a_connection_up_over_which_nothing_comes_back(storage: PostgresqlStorage) -> None:
    async with storage._readers.connection() as reader:
        for connection in (storage._writer, reader):
            with socket.socket(fileno=os.dup(connection.fileno())) as ours:
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == UNHEARD_MS
                assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == IDLE_SECONDS
            cursor = await connection.execute(
                "SELECT current_setting('tcp_user_timeout') AS unheard, current_setting('tcp_keepalives_idle') AS idle"
            )
            assert await cursor.fetchone() == {"unheard": str(UNHEARD_MS), "idle": str(IDLE_SECONDS)}


async def test_commit_that_takes_too_long_is_asked_after(own: OwnServer) -> None:
    """COMMIT waits for a stand-by server that is not there; the transaction itself is on disk."""
    async with open_postgresql(own.url, SystemClock()) as storage:
        await storage.commit([touch("slow a")])
        own.set("synchronous_standby_names", "nobody")
        try:
            committing = asyncio.create_task(storage.commit([touch("slow b")]))
            with psycopg.connect(own.url, autocommit=True) as watching:
                await waits(watching, "SyncRep")
            await LoopTime().skip(module.GROUP_SECONDS)
            assert await committing == [()]
        finally:
            own.set("synchronous_standby_names", "")
        assert await keys(storage, ["slow a", "slow b"]) == ["slow a", "slow b"]


async def test_session_that_the_server_ended_is_replaced(storage: PostgresqlStorage, other: psycopg.Connection) -> None:
    await storage.commit([touch("a")])
    other.execute("SELECT pg_terminate_backend(%s)", (storage._writer.info.backend_pid,))
    with pytest.raises(StorageUnavailable):
        await storage.commit([touch("b")])
    await storage.commit([touch("c")])
    assert await keys(storage, ["a", "b", "c"]) == ["a", "c"]


@pytest.mark.parametrize("arrives", [True, False])
async def test_commit_in_doubt_is_settled_by_asking_the_server(
    storage: PostgresqlStorage, monkeypatch: pytest.MonkeyPatch, *, arrives: bool
) -> None:
    """The connection breaks at COMMIT: once after the server had it, once before."""
    real: Any = psycopg.AsyncConnection.execute
    broken = False

    async def breaking(self: Any, query: object, *args: Any, **kwargs: Any) -> object:
        nonlocal broken
        if query != "COMMIT" or broken:
            return await real(self, query, *args, **kwargs)
        broken = True
        if arrives:
            await real(self, query)
        self.pgconn.finish()
        raise psycopg.OperationalError("gone")

    monkeypatch.setattr(psycopg.AsyncConnection, "execute", breaking)
    outcome = (await asyncio.gather(storage.commit([touch("a")]), return_exceptions=True))[0]
    assert isinstance(outcome, list if arrives else StorageUnavailable)
    assert await keys(storage, ["a"]) == (["a"] if arrives else [])


async def test_while_a_commit_is_in_doubt_others_are_refused_at_once(
    storage: PostgresqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()
    answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def doubt(*_: object, **__: object) -> object:
        raise CommitInDoubt("1", [[]])

    async def state(_: str) -> str:
        asked.set()
        return await answer

    with monkeypatch.context() as patch:
        patch.setattr(module, "commit_group", doubt)
        patch.setattr(storage, "_state", state)
        waiting = asyncio.create_task(storage.commit([touch("a")]))
        await asked.wait()
        with pytest.raises(StorageUnavailable):
            await storage.commit([touch("b")])
        answer.set_result("committed")
        assert await waiting == []
    await storage.commit([touch("c")])


async def test_lock_of_another_process_is_told_and_passes(
    storage: PostgresqlStorage, other: psycopg.Connection
) -> None:
    await storage.commit([touch("a")])
    await storage._writer.execute("SET lock_timeout = '10ms'")
    other.execute("BEGIN")
    other.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(DatabaseBusy):
        await storage.commit([touch("b")])
    other.execute("ROLLBACK")
    await storage.commit([touch("c")])
    assert await keys(storage, ["a", "b", "c"]) == ["a", "c"]


async def test_deadlock_with_another_process_is_tried_again(
    storage: PostgresqlStorage, other: psycopg.Connection
) -> None:
    await storage.commit([touch("a"), touch("b")])
    other.execute("SET deadlock_timeout = '60s'")  # ours notices first
    other.execute("BEGIN")
    other.execute("UPDATE sessions SET agent = 'x' WHERE key = 'b'")
    ours = asyncio.create_task(storage.commit([touch("a"), touch("b")]))
    await waits(other, "Lock")
    await asyncio.to_thread(other.execute, "UPDATE sessions SET agent = 'x' WHERE key = 'a'")
    other.execute("COMMIT")
    assert len(await ours) == 2
    rows = other.execute("SELECT agent FROM sessions").fetchall()
    assert rows == [("main",), ("main",)]


async def test_value_that_no_index_takes_is_refused_alone_and_for_good(storage: PostgresqlStorage) -> None:
    endless = random.Random(1).randbytes(5_000).hex()
    commits = [storage.commit([touch(key)]) for key in ("a", endless, "b")]
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    assert [type(each) for each in outcomes] == [list, StatementFailed, list]
    assert storage.trouble is None
    assert await keys(storage, ["a", endless, "b"]) == ["a", "b"]


async def test_newer_tables_are_refused_with_a_remedy(postgresql_database: str, other: psycopg.Connection) -> None:
    other.execute("INSERT INTO javis_migrations VALUES (9999)")
    with pytest.raises(DatabaseUnusable, match="newer Javis"):
        async with open_postgresql(postgresql_database, SystemClock()):
            pass


async def test_tables_of_another_program_are_refused(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as other:
        other.execute("CREATE TABLE sessions (id BIGINT)")
        with pytest.raises(DatabaseUnusable, match="database of its own"):
            async with open_postgresql(postgresql_url, SystemClock()):
                pass
        assert other.execute("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()").fetchone() == (1,)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgresql://canary:canary@127.0.0.1:1/none", StorageUnavailable),
        ("postgresql://canary@[", DatabaseUnusable),
        ("{url}&dbname=canary", DatabaseUnusable),
    ],
)
async def test_server_that_cannot_be_used_is_told_without_the_password(
    postgresql_url: str, url: str, kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        async with open_postgresql(url.format(url=postgresql_url), SystemClock()):
            pass
    assert "JAVIS_DATABASE_URL" in str(caught.value)
    assert "canary:canary" not in str(caught.value)


async def test_every_commit_waits_for_the_servers_disk(postgresql_url: str) -> None:
    relaxed = postgresql_url + "%20-csynchronous_commit%3Doff"
    async with open_postgresql(relaxed, SystemClock()) as storage:
        row = await (await storage._writer.execute("SHOW synchronous_commit")).fetchone()
        assert row == {"synchronous_commit": "on"}
        await storage.commit([touch("a"), append("a", "x")])
        assert await texts(storage, "a") == ["x"]


async def test_closed_storage_takes_no_commit(postgresql_database: str) -> None:
    async with open_postgresql(postgresql_database, SystemClock()) as storage:
        pass
    with pytest.raises(StorageUnavailable, match="closed"):
        await storage.commit([touch("late")])


async def test_cancelled_writer_asks_nobody_what_became_of_its_commit(
    storage: PostgresqlStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def at_commit(*_: Any, **__: Any) -> Any:
        begun.set()
        try:
            await asyncio.Future()
        except asyncio.CancelledError as error:
            raise CommitInDoubt("1", []) from error

    monkeypatch.setattr(module, "commit_group", at_commit)
    waiting = asyncio.create_task(storage.commit([touch("a")]))
    await begun.wait()
    writing = storage._writing
    assert writing is not None
    writing.cancel()
    await asyncio.wait([writing])
    assert writing.cancelled()
    waiting.cancel()
