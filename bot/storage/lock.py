"""One `javis run` per database: an advisory lock that dies with its process."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.storage.errors import DatabaseUnusable


def lock_path(database: Path) -> Path:
    return database.with_name(database.name + ".lock")


def run_is_active(database: Path) -> bool:
    """True while some process holds the run lock of this database. To look keeps no process from taking it."""
    try:
        descriptor = os.open(lock_path(database), os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not _take(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


@contextmanager
def run_lock(database: Path) -> Iterator[None]:
    """Hold the right to be the running bot of this database. Raises DatabaseUnusable when another has it."""
    path = lock_path(database)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _take(descriptor, fcntl.LOCK_EX):
            if not _take(descriptor, fcntl.LOCK_SH):
                holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
                raise DatabaseUnusable(
                    f"another javis run (process {holder}) already uses {database}: "
                    "stop it first, or set JAVIS_HOME to another folder"
                )
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # only those were in the way who look, and they are gone at once
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, lock: int) -> bool:
    try:
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
