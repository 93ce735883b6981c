"""Files that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Whoever reads `path` sees the old text or the new one, whole; also after a power cut. Raises OSError.

    A symbolic link stays one: the file that it names is replaced.
    """
    with atomic_file(path, mode) as file:
        file.write(text)


@contextmanager
def atomic_file(path: Path, mode: int = 0o600) -> Iterator[IO[str]]:
    """The same for a text that comes piece by piece: nothing is to be seen before the block ends well."""
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # without it a power cut may bring the old name back
    finally:
        os.close(folder)
