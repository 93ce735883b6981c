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
    """True while some process holds the run lock of this database."""
    if not lock_path(database).exists():
        return False
    try:
        with run_lock(database):
            return False
    except DatabaseUnusable:
        return True


@contextmanager
def run_lock(database: Path) -> Iterator[None]:
    """Hold the right to be the running bot of this database. Raises DatabaseUnusable when another has it."""
    path = lock_path(database)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            raise DatabaseUnusable(
                f"another javis run (process {holder}) already uses {database}: "
                "stop it first, or set JAVIS_HOME to another folder"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)
