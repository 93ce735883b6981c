"""An agent's folder: files that its owner writes and the model reads as its instructions."""

import asyncio
import logging
from dataclasses import dataclass
from os import stat_result
from pathlib import Path
from typing import Final

_log = logging.getLogger(__name__)

NAMES: Final = ("SOUL.md", "MEMORY.md", "TOOLS.md")
FILE_BYTES: Final = 32 * 1024
"""What is beyond this in one file is left out: every turn pays for it."""


@dataclass(frozen=True, slots=True)
class _Reading:
    stamp: tuple[int, int, int] | None = None
    text: str = ""


class Workspace:
    """The texts of SOUL.md, MEMORY.md and TOOLS.md, read again only when a file changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._readings = dict.fromkeys(NAMES, _Reading())

    async def read(self) -> list[str]:
        """The texts that are there, in the order of NAMES, without blank ones.

        A file that cannot be read counts as absent and is logged once per change.
        """
        await asyncio.to_thread(self._refresh)
        return [reading.text for reading in self._readings.values() if reading.text]

    def _refresh(self) -> None:
        for name, known in self._readings.items():
            path = self._folder / name
            try:
                stamp = _stamp(path.stat())
            except OSError:
                stamp = None
            if stamp != known.stamp:
                self._readings[name] = _Reading(stamp, _load(path) if stamp else "")


def _stamp(status: stat_result) -> tuple[int, int, int]:
    return status.st_mtime_ns, status.st_size, status.st_ino


def _load(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(FILE_BYTES).decode("utf-8-sig", "ignore").strip()
    except OSError as error:
        _log.warning("workspace file unreadable", extra={"path": str(path), "error": type(error).__name__})
        return ""
