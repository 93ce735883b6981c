"""One group of transactions on its way to PostgreSQL: one transaction there, one commit, few round trips.

The statements travel in pipeline mode, so a group waits for the server once. COMMIT is sent alone, when all answers are
here: a connection that breaks before has written nothing, and one that breaks after can be asked about by the number
of its transaction. A group in which a transaction fails is begun anew with a savepoint for each.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import psycopg

from bot.storage.errors import Fenced, GuardFailed, StorageError, StorageUnavailable
from bot.storage.port import Row, Statement
from bot.storage.postgresql.connection import Connection, named
from bot.storage.queries import MISTAKES, find_query

Rows = Sequence[Sequence[Row]]
Outcome = Rows | StorageError
Cursor = psycopg.AsyncCursor[dict[str, object]]

DEADLOCK_ATTEMPTS: Final = 3

# Who was taken for dead has no row any more. The lock holds off those who would take it away until this has ended.
_OPEN: Final = (
    "SELECT pg_current_xact_id()::text AS number,"
    " (SELECT 1 FROM members WHERE id = %(member)s FOR KEY SHARE) AS alive,"
    " pg_notify('javis_' || current_schema(), %(sender)s)"
)
_FAULTS = (*MISTAKES, psycopg.Error)


class CommitInDoubt(Exception):
    """The connection broke after COMMIT was sent. `number` is the transaction's, `outcomes` what it holds if it is."""

    def __init__(self, number: str, outcomes: Sequence[Outcome]) -> None:
        super().__init__(number)
        self.number = number
        self.outcomes = outcomes


async def commit_group(
    connection: Connection,
    queries: Mapping[str, str],
    group: Sequence[Sequence[Statement]],
    *,
    sender: str,
    member: str | None,
) -> Sequence[Outcome]:
    """The outcome of each transaction. Raises CommitInDoubt; StorageError when the group failed and nothing is kept.

    `sender` is told to those who listen. A `member` that is none any more may not write: Fenced.
    """
    for attempt in range(1, DEADLOCK_ATTEMPTS + 1):
        try:
            return await _commit(connection, queries, group, {"sender": sender, "member": member})
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure) as error:
            await _roll_back(connection)
            if attempt == DEADLOCK_ATTEMPTS:
                raise named(error) from error
        except _FAULTS as error:
            await _roll_back(connection)
            raise named(error) from error
        except asyncio.CancelledError:
            connection.pgconn.finish()  # a server that does not answer does not roll back either
            raise
        except BaseException:
            await _roll_back(connection)
            raise
    raise AssertionError


async def _commit(
    connection: Connection,
    queries: Mapping[str, str],
    group: Sequence[Sequence[Statement]],
    opening: Mapping[str, str | None],
) -> Sequence[Outcome]:
    outcomes: Sequence[Outcome]
    try:
        number, outcomes = await _run_plainly(connection, queries, group, opening)
    except _FAULTS as fault:
        if connection.broken or isinstance(named(fault), StorageUnavailable | Fenced):
            raise  # not the fault of one: the group failed
        await connection.execute("ROLLBACK")
        number = await _open(connection, opening)
        outcomes = [await _run_in_savepoint(connection, queries, statements) for statements in group]
    try:
        ended = await connection.execute("COMMIT")
    except psycopg.OperationalError as error:
        if connection.broken:
            raise CommitInDoubt(number, outcomes) from error
        raise
    except asyncio.CancelledError as timeout:
        connection.pgconn.finish()
        raise CommitInDoubt(number, outcomes) from timeout
    if ended.statusmessage != "COMMIT":
        raise StorageUnavailable("the PostgreSQL server undid a transaction: it is tried again")
    return outcomes


async def _open(connection: Connection, opening: Mapping[str, str | None]) -> str:
    async with connection.pipeline():
        await connection.execute("BEGIN")
        opened = await connection.execute(_OPEN, opening)
    return await _number(opened, opening)


async def _number(opened: Cursor, opening: Mapping[str, str | None]) -> str:
    (row,) = await opened.fetchall()
    if opening["member"] is not None and row["alive"] is None:
        raise Fenced
    return str(row["number"])


async def _run_plainly(
    connection: Connection,
    queries: Mapping[str, str],
    group: Sequence[Sequence[Statement]],
    opening: Mapping[str, str | None],
) -> tuple[str, list[Rows]]:
    async with connection.pipeline():
        await connection.execute("BEGIN")
        opened = await connection.execute(_OPEN, opening)
        sent = [await _send(connection, queries, statements) for statements in group]
    number = await _number(opened, opening)
    return number, [await _answers(statements, cursors) for statements, cursors in zip(group, sent, strict=True)]


async def _run_in_savepoint(
    connection: Connection, queries: Mapping[str, str], statements: Sequence[Statement]
) -> Outcome:
    await connection.execute("SAVEPOINT caller")
    try:
        async with connection.pipeline():
            sent = await _send(connection, queries, statements)
        rows = await _answers(statements, sent)
    except _FAULTS as fault:
        failure = named(fault)
        if connection.broken or isinstance(failure, StorageUnavailable):
            raise
    else:
        await connection.execute("RELEASE caller")
        return rows
    await connection.execute("ROLLBACK TO caller")
    await connection.execute("RELEASE caller")
    return failure


async def _send(connection: Connection, queries: Mapping[str, str], statements: Sequence[Statement]) -> list[Cursor]:
    sent: list[Cursor] = []
    for each in statements:
        try:
            sent.append(await connection.execute(find_query(queries, each.name).encode(), each.values))
        except (*MISTAKES, psycopg.ProgrammingError) as mistake:
            if getattr(mistake, "sqlstate", None):
                raise  # the server's words, perhaps about an earlier one
            raise named(mistake, each.name) from mistake
    return sent


async def _answers(statements: Sequence[Statement], cursors: Sequence[Cursor]) -> Rows:
    answers: list[Sequence[Row]] = []
    for statement, cursor in zip(statements, cursors, strict=True):
        rows = await cursor.fetchall() if cursor.description else ()
        if statement.required and not rows and cursor.rowcount < 1:
            raise GuardFailed(statement.name)
        answers.append(rows)
    return answers


async def _roll_back(connection: Connection) -> None:
    if connection.closed or connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
        return
    try:
        await connection.execute("ROLLBACK")
    except psycopg.Error:
        await connection.close()
