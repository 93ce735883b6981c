"""The seam to the database: transactions as lists of named statements, and named reads."""

from collections.abc import Iterable, Mapping, Sequence
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
