"""Result files: `kimi-dispatch/results/<task_id>.json` and `latest.json`, a projection of the rows.

A row that has changed is marked stale in the same transaction; the file is written after, and the mark is taken
back. So a crash between the two leaves the mark, and the next round writes the file. Files that somebody deleted or
damaged are found by comparing each with its row, once after the start.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bot.files import write_atomically
from bot.storage.errors import StorageError
from bot.storage.port import Storage
from bot.tasks.projection import EndedTasks
from bot.tasks.task import Task, result_json

log = logging.getLogger(__name__)

BATCH: Final = 100
LATEST: Final = "latest.json"


class ResultFiles:
    """Writes the files under `folder`, atomically, mode 0600."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self.folder = folder
        self._storage = storage
        self._tasks = EndedTasks(storage)
        self._one_at_a_time = asyncio.Lock()
        self._stale = asyncio.Event()

    def mark_stale(self) -> None:
        """Some row has changed: `run` writes its file soon."""
        self._stale.set()

    async def run(self) -> None:
        """Repair the files, then write them as rows change, until cancelled.

        What fails is tried at the next change or tick.
        """
        work = self.repair
        while True:
            try:
                await work()
                work = self.refresh
            except (OSError, StorageError) as error:
                log.warning("Result files will be written later", extra={"error": str(error)})
            await self._stale.wait()
            self._stale.clear()

    async def repair(self) -> None:
        """Write every file that is not there, or does not show its row; raises as `refresh` does."""
        last = ""
        while ended := await self._tasks.after(last, BATCH):
            await self._mark(await asyncio.to_thread(self._differing, ended))
            last = ended[-1].id
        latest = await self._tasks.latest()
        if latest is not None and not _shows(self.folder / LATEST, latest):
            await self._mark([latest])
        await self.refresh()

    async def _mark(self, tasks: Sequence[Task]) -> None:
        if tasks:
            log.info("Result files are missing or damaged: they are written anew", extra={"files": len(tasks)})
            await self._storage.commit([self._tasks.mark_stale(task) for task in tasks])

    def _differing(self, tasks: Sequence[Task]) -> list[Task]:
        return [task for task in tasks if not _shows(self._path(task), task)]

    async def refresh(self) -> None:
        """Write every file that is older than its row. Raises OSError when the disk refuses; rows keep the mark."""
        async with self._one_at_a_time:
            while stale := await self._tasks.stale(BATCH):
                latest = await self._tasks.latest()
                await asyncio.to_thread(self._write, stale, latest)
                await self._storage.commit([self._tasks.written(task) for task in stale])

    def _write(self, stale: list[Task], latest: Task | None) -> None:
        for folder in (self.folder.parent, self.folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for task in stale:
            write_atomically(self._path(task), _text(task))
        if latest is not None:
            write_atomically(self.folder / LATEST, _text(latest))

    def _path(self, task: Task) -> Path:
        return self.folder / f"{task.id}.json"


def _shows(path: Path, task: Task) -> bool:
    """Whether the file holds what would be written for `task` now; one that cannot be read does not."""
    try:
        return path.read_bytes() == _text(task).encode()
    except OSError:
        return False


def _text(task: Task) -> str:
    # Half a surrogate pair can stand in a model's answer; JSON's own escape keeps it and the file stays UTF-8.
    text = json.dumps(result_json(task), ensure_ascii=False, indent=2)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(result_json(task), indent=2)
    return text + "\n"
