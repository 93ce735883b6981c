"""One connection to PostgreSQL as Javis uses it: types, durability, time limits, and what its failures mean."""

from typing import Any, Final

import psycopg
from psycopg.adapt import AdaptersMap, Dumper, Loader
from psycopg.rows import DictRow, dict_row
from psycopg.types.string import StrDumper
from typing_extensions import override

from bot.storage.errors import (
    DatabaseBusy,
    DatabaseFull,
    DatabaseUnusable,
    StatementFailed,
    StorageError,
    StorageUnavailable,
)

Connection = psycopg.AsyncConnection[DictRow]

APPLICATION: Final = "javis"
CONNECT_SECONDS: Final = 5
UNTYPED: Final = 0  # the server finds the type in the statement, so each statement is prepared once
LOCK_SECONDS: Final = 5  # as SQLite's busy timeout
# A process that stands still inside a transaction holds locks that others wait for: the server ends its session, unless
# it was within a pipeline, whose last message (Flush) stops the server's timer. Of a member the others end it then.
STANDSTILL_SECONDS: Final = 5
# When a connection over which nothing comes back is given up: at rest after 5 + 3 x 2 seconds, with data unconfirmed
# after six.
IDLE_SECONDS: Final = 5
PROBE_SECONDS: Final = 2
PROBES: Final = 3
UNHEARD_MS: Final = 6_000

# Of the server's classes of failures (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_BUSY: Final = {"40001", "40P01", "55P03"}  # serialization, deadlock, lock timeout
_FULL: Final = {"53100", "58030", "53200"}  # disk full, I/O error, out of memory
_TOO_LARGE: Final = "54"  # the class of what passes a limit of the server, such as a value that no index takes
_UNUSABLE: Final = {"XX001", "XX002", "3D000", "28000", "28P01", "42501", "3F000"}


class _Number(Dumper):
    oid = UNTYPED

    @override
    def dump(self, obj: Any) -> bytes:
        return repr(obj).encode()


class _Bool(Dumper):
    oid = UNTYPED

    @override
    def dump(self, obj: bool) -> bytes:
        return b"1" if obj else b"0"


class _Text(StrDumper):
    oid = UNTYPED

    @override
    def dump(self, obj: str) -> Any:
        # PostgreSQL's text holds no NUL character; a message must not be refused for one.
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class _Numeric(Loader):
    """`sum()` of whole numbers is NUMERIC there."""

    @override
    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdecimal() else float(text)


def adapt(adapters: AdaptersMap) -> None:
    """Give values the form that lets the server find their types."""
    adapters.register_dumper(int, _Number)
    adapters.register_dumper(float, _Number)
    adapters.register_dumper(bool, _Bool)
    adapters.register_dumper(str, _Text)
    adapters.register_loader("numeric", _Numeric)


CONNECT_OPTIONS: Final[dict[str, Any]] = {
    "autocommit": True,
    "row_factory": dict_row,
    "prepare_threshold": 0,
    "connect_timeout": CONNECT_SECONDS,
    "application_name": APPLICATION,
    # A server that vanished is noticed in seconds, not in the hours of the operating system's default.
    "keepalives_idle": IDLE_SECONDS,
    "keepalives_interval": PROBE_SECONDS,
    "keepalives_count": PROBES,
    "tcp_user_timeout": UNHEARD_MS,
}

# What the server is told: the same of its side, so that a machine that vanished holds no lock there for long.
_SESSION: Final = {
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{STANDSTILL_SECONDS}s",
    "tcp_keepalives_idle": f"{IDLE_SECONDS}",
    "tcp_keepalives_interval": f"{PROBE_SECONDS}",
    "tcp_keepalives_count": f"{PROBES}",
    "tcp_user_timeout": f"{UNHEARD_MS}",
}


async def settle_in(connection: Connection) -> None:
    """Make a fresh connection ours."""
    adapt(connection.adapters)
    # A server that was told to answer before its disk has would make "committed" a wish.
    await connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    for name, value in _SESSION.items():
        await connection.execute("SELECT set_config(%s, %s, false)", (name, value), prepare=False)


async def connect(url: str, name: str | None = None) -> Connection:
    """A new connection; the server's list of sessions has it as "javis <name>". Raises StorageError."""
    options = CONNECT_OPTIONS if name is None else CONNECT_OPTIONS | {"application_name": f"{APPLICATION} {name}"}
    try:
        connection = await psycopg.AsyncConnection.connect(url, **options)
    except (psycopg.Error, OSError) as error:
        raise named(error) from error
    try:
        await settle_in(connection)
    except BaseException as error:
        await connection.close()
        if isinstance(error, psycopg.Error):
            raise named(error) from error
        raise
    return connection


def named(error: Exception, statement: str | None = None) -> StorageError:
    """The failure by what to do next; `statement` is the name of the one that failed, None: it is not known.

    The server's words may hold our values: they are for the log alone.
    """
    if isinstance(error, StorageError):
        return error
    code = error.sqlstate if isinstance(error, psycopg.Error) else None
    if code in _BUSY:
        return DatabaseBusy("the database is locked by another process: wait until it is done")
    if code in _FULL:
        return DatabaseFull("the PostgreSQL server cannot write: free disk space on its machine")
    if code in _UNUSABLE or (isinstance(error, psycopg.OperationalError) and _is_refusal(error)):
        return DatabaseUnusable(f"PostgreSQL refuses this database ({_first_line(error)}): mend JAVIS_DATABASE_URL")
    is_for_good = code is not None and code.startswith(_TOO_LARGE)
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError | OSError) and not is_for_good:
        return StorageUnavailable("the PostgreSQL server cannot be reached: start it, or mend JAVIS_DATABASE_URL")
    line = _first_line(error)
    return StatementFailed(line if statement is None else f"{statement}: {line}")


def _is_refusal(error: psycopg.OperationalError) -> bool:
    # libpq gives no code for what the server says before the session stands.
    words = str(error)
    return "authentication failed" in words or ("database" in words and "does not exist" in words)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
