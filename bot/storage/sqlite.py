"""SQLite: one writer thread that commits many callers' work with one fsync, and readers beside it.

A caller's `await commit(...)` returns after the fsync of its group. While one group is on its way to the disk the
next one gathers, so the number of syncs falls as the load rises. A group in which a transaction fails is begun anew,
with a savepoint for each: the one that fails takes only itself back, and the many groups without a failure pay nothing.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiosqlite

from bot.storage.errors import (
    DatabaseBusy,
    DatabaseFull,
    DatabaseUnusable,
    GuardFailed,
    StatementFailed,
    StorageError,
    StorageUnavailable,
    trouble_in,
)
from bot.storage.migrate import migrate
from bot.storage.port import Row, SqlValue, Statement
from bot.storage.queries import MISTAKES, find_query, load_queries
from bot.storage.read_cache import ReadCache

READERS = 2
BUSY_TIMEOUT_SECONDS = 5.0
GROUP_LIMIT = 512  # transactions a group: bounds how long the first of them waits

_Rows = Sequence[Sequence[Row]]
_Waiting = tuple[Sequence[Statement], asyncio.Future[_Rows]]
_Outcome = _Rows | StorageError
_FAULTS = (*MISTAKES, sqlite3.Error)


@asynccontextmanager
async def open_sqlite(path: Path) -> AsyncIterator["SqliteStorage"]:
    """The database at `path`, made (mode 0600) and migrated as needed.

    Raises DatabaseUnusable or StorageUnavailable with a line that says what to do.
    """
    queries = load_queries()
    thread = ThreadPoolExecutor(1, thread_name_prefix="javis-writer")
    async with AsyncExitStack() as stack:
        stack.callback(thread.shutdown)
        loop = asyncio.get_running_loop()
        writer = await loop.run_in_executor(thread, _open_writer, path)
        stack.push_async_callback(loop.run_in_executor, thread, _close_writer, writer)
        readers = [await stack.enter_async_context(_reader(_read_only(path))) for _ in range(READERS)]
        watcher = sqlite3.connect(_read_only(path), uri=True, isolation_level=None)
        stack.callback(watcher.close)
        storage = SqliteStorage(writer, thread, readers, ReadCache(watcher), queries)
        stack.push_async_callback(storage.drain)
        yield storage


class SqliteStorage:
    """Storage on one SQLite file. Made by `open_sqlite`."""

    def __init__(
        self,
        writer: sqlite3.Connection,
        thread: ThreadPoolExecutor,
        readers: Sequence[aiosqlite.Connection],
        cache: ReadCache,
        queries: Mapping[str, str],
    ) -> None:
        self._writer = writer
        self._thread = thread
        self._readers = readers
        self._next_reader = 0
        self._cache = cache
        self._queries = queries
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._seen_by_all = cache.current_version()
        self._seen_version = self._data_version()
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        return self._trouble

    @property
    def member(self) -> str | None:
        return None

    async def commit(self, statements: Sequence[Statement]) -> _Rows:
        future: asyncio.Future[_Rows] = self._loop.create_future()
        self._waiting.append((statements, future))
        if not self._busy:
            self._busy = True
            self._idle.clear()
            # Not at once: whoever else is ready in this turn of the loop joins the group.
            self._loop.call_soon(self._start_group)
        return await future

    async def read(self, name: str, values: Mapping[str, SqlValue]) -> Sequence[Row]:
        try:
            version, kept = self._cache.find(name, values)
            if kept is not None:
                return kept
            reader = self._readers[self._next_reader]
            self._next_reader = (self._next_reader + 1) % len(self._readers)
            rows = tuple(await reader.execute_fetchall(find_query(self._queries, name), values))
        except _FAULTS as error:
            raise _named(error, name) from error
        self._cache.keep(version, name, values, rows)
        return rows

    async def changed_elsewhere(self) -> bool:
        by_all = self._cache.current_version()
        if by_all == self._seen_by_all:
            return False  # nobody has written: the writer need not be asked in its thread
        self._seen_by_all = by_all
        # data_version of the writing connection moves only for commits made by others
        # (https://sqlite.org/pragma.html#pragma_data_version).
        version = await self._loop.run_in_executor(self._thread, self._data_version)
        changed = version != self._seen_version
        self._seen_version = version
        return changed

    def when_changed(self, tell: Callable[[], None]) -> None:
        """SQLite has to be asked."""

    async def drain(self) -> None:
        """Return when every commit that was asked for has ended."""
        await self._idle.wait()

    def _data_version(self) -> int:
        return int(self._writer.execute("PRAGMA data_version").fetchone()[0])

    def _start_group(self) -> None:
        group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
        self._thread.submit(self._write_group, group)

    def _write_group(self, group: Sequence[_Waiting]) -> None:
        """In the writer thread."""
        outcomes: Sequence[_Outcome]
        try:
            outcomes = _commit_group(self._writer, self._queries, [statements for statements, _ in group])
        except Exception as fault:  # noqa: BLE001 - whatever it is, callers without an answer would wait for ever
            outcomes = [_named(fault)] * len(group)
        self._loop.call_soon_threadsafe(self._finish_group, group, outcomes)

    def _finish_group(self, group: Sequence[_Waiting], outcomes: Sequence[_Outcome]) -> None:
        self._trouble = trouble_in(outcomes)
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if future.done():  # its caller was cancelled; the work is committed all the same
                continue
            if isinstance(outcome, StorageError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if self._waiting:
            self._start_group()
        else:
            self._busy = False
            self._idle.set()


def _commit_group(
    writer: sqlite3.Connection, queries: Mapping[str, str], group: Sequence[Sequence[Statement]]
) -> Sequence[_Outcome]:
    try:
        return _run_all(writer, queries, group, _run_plainly)
    except _FAULTS as fault:
        if isinstance(_named(fault), StorageUnavailable):
            raise  # not the fault of one: the group failed
    return _run_all(writer, queries, group, _run_in_savepoint)


def _run_all(
    writer: sqlite3.Connection,
    queries: Mapping[str, str],
    group: Sequence[Sequence[Statement]],
    run: Callable[[sqlite3.Connection, Mapping[str, str], Sequence[Statement]], _Outcome],
) -> Sequence[_Outcome]:
    writer.execute("BEGIN IMMEDIATE")
    try:
        outcomes = [run(writer, queries, statements) for statements in group]
        writer.execute("COMMIT")
    except BaseException:
        if writer.in_transaction:
            writer.execute("ROLLBACK")
        raise
    return outcomes


def _run_plainly(writer: sqlite3.Connection, queries: Mapping[str, str], statements: Sequence[Statement]) -> _Outcome:
    return [_run(writer, queries, statement) for statement in statements]


def _run_in_savepoint(
    writer: sqlite3.Connection, queries: Mapping[str, str], statements: Sequence[Statement]
) -> _Outcome:
    writer.execute("SAVEPOINT caller")
    try:
        results = _run_plainly(writer, queries, statements)
    except _FAULTS as fault:
        failure = _named(fault)
        if not writer.in_transaction or isinstance(failure, StorageUnavailable):
            raise  # a full disk makes SQLite undo the whole transaction: the group failed, not this caller
    else:
        writer.execute("RELEASE caller")
        return results
    writer.execute("ROLLBACK TO caller")
    writer.execute("RELEASE caller")
    return failure


def _run(writer: sqlite3.Connection, queries: Mapping[str, str], statement: Statement) -> Sequence[Row]:
    try:
        cursor = writer.execute(find_query(queries, statement.name), statement.values)
        rows: Sequence[Row] = cursor.fetchall() if cursor.description else ()
    except _FAULTS as fault:
        raise _named(fault, statement.name) from fault
    if statement.required and not rows and cursor.rowcount < 1:
        raise GuardFailed(statement.name)
    return rows


def _open_writer(path: Path) -> sqlite3.Connection:
    connection: sqlite3.Connection | None = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives -wal and -shm the mode of the database file, so it is set before the first of them exists.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        _make_private(path)
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        migrate(connection, path)
    except (OSError, sqlite3.Error) as error:
        if connection is not None:
            connection.close()
        raise _cannot_open(path, error) from error
    except BaseException:
        if connection is not None:
            connection.close()
        raise
    return connection


def _make_private(path: Path) -> None:
    """A file that was copied here (a backup brought back) may be readable for others."""
    for each in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if each.exists() and each.stat().st_mode & 0o077:
            each.chmod(0o600)


def _close_writer(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        pass  # the next opening reads the log; nothing is lost by leaving it long
    finally:
        connection.close()


def _read_only(path: Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


@asynccontextmanager
async def _reader(uri: str) -> AsyncIterator[aiosqlite.Connection]:
    async with aiosqlite.connect(uri, uri=True, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def _named(error: Exception, statement: str | None = None) -> StorageError:
    """The failure by what to do next; `statement` is the name of the one that failed, None: none of them."""
    if isinstance(error, StorageError):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    primary = None if code is None else code & 0xFF  # https://sqlite.org/rescode.html#primary_result_codes
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return DatabaseBusy("the database is locked by another process: stop it, or wait until it is done")
    if primary in {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    }:
        return DatabaseFull(
            f"the database cannot be written ({error}): free disk space or mend the rights of its folder"
        )
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return DatabaseUnusable(f"the database file is damaged ({error}): restore it from a backup")
    return StatementFailed(str(error) if statement is None else f"{statement}: {error}")


def _cannot_open(path: Path, error: OSError | sqlite3.Error) -> StorageError:
    if isinstance(error, sqlite3.Error):
        named = _named(error)
        return type(named)(f"{path}: {named}") if not isinstance(named, GuardFailed) else named
    return DatabaseUnusable(f"{path}: {error.strerror}: check the folder's rights, or set JAVIS_HOME to another folder")
