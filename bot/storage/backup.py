"""A copy of the SQLite database, taken while the bot works."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from bot.storage.errors import DatabaseUnusable, StorageUnavailable

PAGES_A_STEP: Final = 1000


def back_up(database: Path, target: Path, progress: Callable[[int, int], None]) -> None:
    """Write the state of this moment to `target` (mode 0600), whole or not at all; `progress` gets (pages, of).

    Raises DatabaseUnusable where there is nothing to copy, FileExistsError rather than replace a file,
    StorageUnavailable where the copy cannot be written.
    """
    if not database.exists():
        raise DatabaseUnusable(f"there is no database at {database}: set JAVIS_HOME to the bot's folder")
    if target.exists():
        raise FileExistsError(target)
    part = target.with_name(f"{target.name}.part")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        raise StorageUnavailable(f"{part} is there already: another backup runs, or remove it") from None
    except OSError as error:
        raise StorageUnavailable(f"{target}: {error.strerror}: choose another place") from error
    try:
        _copy(database, part, progress)
        part.rename(target)
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise DatabaseUnusable(f"{database} is damaged ({error}): restore it from a backup") from error
        raise StorageUnavailable(f"{target} cannot be written ({error}): make room, or choose another place") from error
    finally:
        with suppress(OSError):
            part.unlink()
    _sync(target.parent)


def _copy(database: Path, part: Path, progress: Callable[[int, int], None]) -> None:
    source_uri = f"{database.absolute().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(source_uri, uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(part, isolation_level=None)) as copy,
    ):
        # Within a read transaction every step sees one state; without, each commit of the bot would begin it anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=PAGES_A_STEP, progress=lambda _, left, of: progress(of - left, of), sleep=0)
        source.execute("ROLLBACK")
        # A file that is one file: no log beside it has to be kept.
        copy.execute("PRAGMA journal_mode = DELETE")
        (verdict,) = copy.execute("PRAGMA quick_check").fetchone()
    if verdict != "ok":
        raise StorageUnavailable(f"the copy is damaged ({verdict}): look after the disk of {database}")
    _sync(part)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
