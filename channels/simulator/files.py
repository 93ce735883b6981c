"""The content of uploaded files: in a folder, or in memory when there is none."""

import asyncio
import re
from pathlib import Path
from typing import Final

_ID: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


class FileStore:
    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}

    async def put(self, file_id: str, data: bytes) -> None:
        if self._folder is None:
            self._memory[file_id] = data
        else:
            await asyncio.to_thread(_write, self._folder / file_id, data)

    async def get(self, file_id: str) -> bytes | None:
        """None when there is no such file."""
        if not _ID.fullmatch(file_id):
            return None
        if self._folder is None:
            return self._memory.get(file_id)
        return await asyncio.to_thread(_read, self._folder / file_id)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(data)


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
