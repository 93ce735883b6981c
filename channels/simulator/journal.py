"""What the simulator remembers over a restart: one file, a JSON object a line, rewritten at start."""

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from typing_extensions import override

Record = dict[str, Any]
"""One change of a platform's state; `t` tells which."""


class Journal(Protocol):
    def append(self, record: Record) -> None:
        """Keep `record` so that it survives the end of this process."""
        ...


class NoJournal(Journal):
    """Memory only."""

    @override
    def append(self, record: Record) -> None:
        return


class FileJournal(Journal):
    """Appends reach the kernel at once, so a killed process loses nothing; a power cut may. Made by `open_journal`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    @override
    def append(self, record: Record) -> None:
        self._file.write(encode(record))


class JournalInUse(OSError):
    """Another simulator already works in this folder."""


def encode(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


def read_records(path: Path) -> Iterator[Record]:
    """Every whole record of the file; nothing when there is none. A line cut by a crash ends the reading."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line.decode("utf-8", "surrogatepass"))
            except ValueError:
                return
            yield record


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the folder, made with mode 0700 as needed. Raises JournalInUse."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalInUse(errno.EBUSY, "another simulator already uses this folder", str(folder)) from None
        yield
    finally:
        os.close(descriptor)


@contextmanager
def open_journal(path: Path, snapshot: Iterable[Record]) -> Iterator[FileJournal]:
    """Replace the file by `snapshot` in one step, then append to it."""
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.writelines(encode(record) for record in snapshot)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    with path.open("ab", buffering=0) as file:
        yield FileJournal(file)
