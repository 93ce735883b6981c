"""PostgreSQL: one writer that commits many callers' work at once, a pool of readers, and an ear for other machines.

The promises are those of SQLite: a caller's `await commit(...)` returns after its group is durable, and a transaction
that fails takes only itself back. When the connection breaks, callers get StorageUnavailable and the next commit
connects anew. Where it breaks at COMMIT itself, the group waits until the server says whether it was committed;
whoever comes meanwhile gets StorageUnavailable at once.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from uuid import uuid4

import psycopg
import psycopg_pool

from bot.storage.errors import DatabaseUnusable, StorageError, StorageUnavailable, trouble_in
from bot.storage.port import Row, SqlValue, Statement
from bot.storage.postgresql.connection import (
    CONNECT_OPTIONS,
    CONNECT_SECONDS,
    Connection,
    connect,
    named,
    settle_in,
)
from bot.storage.postgresql.dialect import psycopg_form
from bot.storage.postgresql.group import CommitInDoubt, Outcome, Rows, commit_group
from bot.storage.postgresql.listener import Listener
from bot.storage.postgresql.migrate import migrate
from bot.storage.postgresql.relay import Relay
from bot.storage.queries import MISTAKES, find_query, load_queries
from channels.clock import Clock

log = logging.getLogger(__name__)

MOST_READERS: Final = 4
GROUP_LIMIT: Final = 512  # transactions a group: bounds how long the first of them waits
GROUP_SECONDS: Final = 20  # a group that takes longer has lost its server
PAUSE_SECONDS: Final = 0.5  # between attempts to learn what became of a commit

_Waiting = tuple[Sequence[Statement], asyncio.Future[Rows]]


@asynccontextmanager
async def open_postgresql(url: str, clock: Clock) -> AsyncIterator["PostgresqlStorage"]:
    """The database at `url`, its tables made and migrated as needed.

    Raises DatabaseUnusable or StorageUnavailable with a line that says what to do; the URL is in none of them.
    """
    try:
        psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        words = "JAVIS_DATABASE_URL cannot be read: write postgresql://user:password@host/name"
        raise DatabaseUnusable(words) from None
    queries = {name: psycopg_form(sql) for name, sql in load_queries("postgresql").items()}
    async with AsyncExitStack() as stack:
        name = uuid4().hex
        writer = await connect(url, name)
        try:
            await _migrate(writer)
        except BaseException:
            await writer.close()
            raise
        readers = await stack.enter_async_context(_readers(url))
        storage = PostgresqlStorage(url, name, clock, writer, readers, queries)
        stack.push_async_callback(storage.close)
        await stack.enter_async_context(storage.listener.open())
        yield storage


class PostgresqlStorage:
    """Storage on PostgreSQL. Made by `open_postgresql`.

    `name` is this process's among all that have the database open: so are its commits signed, and its sessions called.
    """

    def __init__(
        self,
        url: str,
        name: str,
        clock: Clock,
        writer: Connection,
        readers: psycopg_pool.AsyncConnectionPool[Connection],
        queries: Mapping[str, str],
    ) -> None:
        self._member: str | None = None
        self._url = url
        self._clock = clock
        self._writer = writer
        self._readers = readers
        self._queries = queries
        self._loop = asyncio.get_running_loop()
        self.name = name
        self._relay = Relay(name, readers)
        self.listener = Listener(url, name, clock, self._relay)
        self._waiting: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None
        self._in_doubt = False
        self._closing = False
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        return self._trouble

    @property
    def member(self) -> str | None:
        return self._member

    def act_as_member(self) -> None:
        """From now on every commit fails with Fenced when the member of our name is taken for dead."""
        self._member = self.name

    async def commit(self, statements: Sequence[Statement]) -> Rows:
        if self._closing:
            raise StorageUnavailable("the database is closed")
        if self._in_doubt:
            raise StorageUnavailable("the PostgreSQL server cannot be reached: start it")
        future: asyncio.Future[Rows] = self._loop.create_future()
        self._waiting.append((statements, future))
        if self._writing is None:
            # A task begins after whoever else is ready in this turn of the loop has joined the group.
            self._writing = self._loop.create_task(self._write(), name="javis-writer")
        return await future

    async def read(self, name: str, values: Mapping[str, SqlValue]) -> Sequence[Row]:
        sql = find_query(self._queries, name).encode()
        for attempt in (1, 2):
            try:
                async with asyncio.timeout(GROUP_SECONDS), self._readers.connection() as connection:
                    _heed_cancelling()
                    return await (await connection.execute(sql, values)).fetchall()
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if attempt == 2 or not _is_broken(error):
                    raise named(error) from error
                await self._readers.check()  # the server was started anew: its old sessions are all gone
            except TimeoutError as error:
                raise StorageUnavailable("the PostgreSQL server does not answer: look after it") from error
            except (*MISTAKES, psycopg.Error) as error:
                raise named(error, name) from error
        raise AssertionError

    async def changed_elsewhere(self) -> bool:
        return self.listener.take()

    def when_changed(self, tell: Callable[[], None]) -> None:
        self.listener.tell(tell)

    def tell_others(self, text: str) -> None:
        """As MemberStorage.tell_others."""
        self._relay.say(text)

    def when_told(self, hear: Callable[[str], None]) -> None:
        """As MemberStorage.when_told."""
        self._relay.hear = hear

    async def close(self) -> None:
        """Return when every commit that was asked for has ended."""
        self._closing = True
        await self._relay.close()
        if self._writing is not None:
            if self._in_doubt:  # the server is away and nobody can wait for it any more
                self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        await self._writer.close()

    async def _write(self) -> None:
        """Until nobody waits."""
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:GROUP_LIMIT], self._waiting[GROUP_LIMIT:]
                outcomes = await self._outcomes([statements for statements, _ in group])
                self._trouble = trouble_in(outcomes)
                _tell(group, outcomes)
        finally:
            self._writing = None
            self._refuse_waiting(StorageUnavailable("the database is closed"))

    async def _outcomes(self, group: Sequence[Sequence[Statement]]) -> Sequence[Outcome]:
        try:
            if self._writer.closed:
                self._writer = await connect(self._url, self.name)
            async with asyncio.timeout(GROUP_SECONDS):
                return await commit_group(self._writer, self._queries, group, sender=self.name, member=self._member)
        except CommitInDoubt as doubt:
            _heed_cancelling()  # not the time limit: nobody waits for the answer
            return await self._settle(doubt)
        except StorageError as error:
            return [error] * len(group)
        except TimeoutError:
            await self._writer.close()
            return [StorageUnavailable("the PostgreSQL server does not answer: look after it")] * len(group)
        except Exception as fault:
            log.exception("A group of commits failed in a way that nobody foresaw")
            await self._writer.close()  # what its connection holds is not known
            return [named(fault)] * len(group)  # callers without an answer would wait for ever

    async def _settle(self, doubt: CommitInDoubt) -> Sequence[Outcome]:
        """Ask until the server knows whether the transaction was committed; refuse everybody else meanwhile."""
        log.warning("The connection broke at a commit; asking what became of it")
        self._in_doubt = True
        try:
            away = StorageUnavailable("the PostgreSQL server cannot be reached: start it")
            self._trouble = str(away)
            self._refuse_waiting(away)
            while (state := await self._state(doubt.number)) in {None, "in progress"} and not self._closing:
                await self._clock.sleep(PAUSE_SECONDS)
        finally:
            self._in_doubt = False
        if state == "committed":
            return doubt.outcomes
        return [StorageUnavailable("the PostgreSQL server went away: try again")] * len(doubt.outcomes)

    async def _state(self, number: str) -> str | None:
        """What the server says of a transaction; None while it says nothing."""
        try:
            if self._writer.closed:
                self._writer = await connect(self._url, self.name)
            cursor = await self._writer.execute("SELECT pg_xact_status(%s::xid8) AS state", (number,))
            row = await cursor.fetchone()
        except psycopg.errors.InvalidParameterValue:
            return "aborted"  # a number that the server has not given out: it came back from an older state
        except (StorageError, psycopg.Error) as error:
            log.warning("The database cannot be asked", extra={"error": str(named(error))})
            return None
        return None if row is None else row["state"] or "committed"

    def _refuse_waiting(self, error: StorageError) -> None:
        waiting, self._waiting = self._waiting, []
        _tell(waiting, [error] * len(waiting))


async def _migrate(connection: Connection) -> None:
    try:
        await migrate(connection)
    except psycopg.Error as error:
        raise named(error) from error


@asynccontextmanager
async def _readers(url: str) -> AsyncIterator[psycopg_pool.AsyncConnectionPool[Connection]]:
    pool: psycopg_pool.AsyncConnectionPool[Connection] = psycopg_pool.AsyncConnectionPool(
        url,
        connection_class=Connection,
        kwargs=CONNECT_OPTIONS,
        min_size=1,
        max_size=MOST_READERS,
        timeout=CONNECT_SECONDS,
        reconnect_timeout=CONNECT_SECONDS,
        configure=settle_in,
        open=False,
    )
    async with pool:
        yield pool


def _tell(group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for (_, future), outcome in zip(group, outcomes, strict=True):
        if future.done():  # its caller was cancelled; the work is committed all the same
            continue
        if isinstance(outcome, StorageError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _is_broken(error: psycopg.Error) -> bool:
    return isinstance(error, psycopg.InterfaceError) or error.sqlstate in {None, "57P01", "57P02", "57P03", "25P03"}


def _heed_cancelling() -> None:
    """Raises CancelledError where the caller was cancelled: psycopg_pool waits with `asyncio.wait_for`, which loses
    that before Python 3.12 (https://github.com/python/cpython/issues/86296)."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
