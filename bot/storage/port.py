"""The seam to the database: transactions as lists of named statements, and named reads.

SQLite and PostgreSQL share the SQL of `storage/sql`. Rules for it (`tests/unit/storage/test_statements.py` holds them):

- Every table and column stands in a migration of `migrations/sqlite`, with the types INTEGER, REAL, TEXT and BLOB.
- PostgreSQL must find each parameter's type in the statement: where it stands alone, write `CAST(:state AS TEXT)`
  or `CAST(:now_ms AS BIGINT)`. Yes and no are 1 and 0.
- In ON CONFLICT … DO UPDATE, columns on the right of `=` and in its WHERE carry their table's name.
- Whatever only one of them can say stands under `sql/sqlite` or `sql/postgresql`, under the same name in both.
- A row taken by one of several machines is taken by an UPDATE whose WHERE says that it is still free.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SqlValue = str | int | float | bytes | None


class Row(Protocol):
    """One row; columns by name."""

    def __getitem__(self, column: str, /) -> Any: ...

    def keys(self) -> Iterable[str]: ...


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement of `storage/sql` with its values.

    With `required`, touching no row undoes the whole transaction (GuardFailed): its guard stands in the SQL.
    """

    name: str
    values: Mapping[str, SqlValue]
    required: bool = False


class Storage(Protocol):
    """A database. Opened and closed by its own async context manager."""

    @property
    def member(self) -> str | None:
        """Who this process is among those that share the database; None: it has it alone, or only looks."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why the last commit could not be written, with the remedy; None: it could."""
        ...

    async def commit(self, statements: Sequence[Statement]) -> Sequence[Sequence[Row]]:
        """Run all statements as one transaction; return when it is on disk.

        The answer holds, for each statement, the rows of its RETURNING clause. Cancelling the caller does not
        undo a transaction under way. Raises StorageError; then nothing of this transaction was kept.
        """
        ...

    async def read(self, name: str, values: Mapping[str, SqlValue]) -> Sequence[Row]:
        """The rows of a named SELECT, as of the newest commit."""
        ...

    async def changed_elsewhere(self) -> bool:
        """True once after another process has written since the last call."""
        ...

    def when_changed(self, tell: Callable[[], None]) -> None:
        """Call `tell` when another process has written, where the database says so by itself."""
        ...
