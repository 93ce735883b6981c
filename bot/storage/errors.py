"""Failures of the database, named by what the caller should do next.

StorageError
├── GuardFailed          a required statement touched no row: the transaction was undone, somebody was faster
├── StorageUnavailable   nothing was written; the same commit may work later
│   ├── DatabaseBusy     another process holds the write lock
│   └── DatabaseFull     the disk is full or refuses to write
├── Fenced               this process was taken for dead and may write nothing more
├── StatementFailed      the database refuses this transaction for good; the others of its group were kept
└── DatabaseUnusable     no commit will ever work: the file is no Javis database, is newer, or is damaged
"""

from collections.abc import Iterable


class StorageError(Exception):
    """Root of all that storage raises."""


class GuardFailed(StorageError):
    """`statement` had to touch a row and touched none; nothing of its transaction was kept."""

    def __init__(self, statement: str) -> None:
        super().__init__(f"nothing to do for {statement}")
        self.statement = statement


class StorageUnavailable(StorageError):
    """Nothing was written; try again later."""


class DatabaseBusy(StorageUnavailable):
    """Another process holds the write lock."""


class DatabaseFull(StorageUnavailable):
    """The disk is full or refuses to write."""


class StatementFailed(StorageError):
    """The database refuses this transaction for good."""


class DatabaseUnusable(StorageError):
    """The file cannot serve as the database; the text says what to do."""


class Fenced(StorageError):
    """This process was taken for dead: others have its work, and it may write nothing more."""

    def __init__(self) -> None:
        super().__init__("this process was not heard of for too long and others have taken over its work")


def trouble_in(outcomes: Iterable[object]) -> str | None:
    """What a person should do about a group of commits; None: nothing, the database works."""
    return next(
        (str(each) for each in outcomes if isinstance(each, StorageUnavailable | DatabaseUnusable | Fenced)), None
    )
