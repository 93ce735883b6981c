"""Result files: `kimi-dispatch/results/<task_id>.json` and `latest.json`, a projection of the rows.

A row that has changed is marked stale in the same transaction; the file is written after, and the mark is taken
back. So a crash between the two leaves the mark, and the next round writes the file.
"""

import asyncio
import json
import logging
from pathlib import Path

from bot.files import write_atomically
from bot.storage.errors import StorageError
from bot.storage.port import Storage
from bot.tasks.store import TaskStore
from bot.tasks.task import Task, result_json

log = logging.getLogger(__name__)

BATCH = 100


class ResultFiles:
    """Writes the files under `folder`, atomically, mode 0600."""

    def __init__(self, folder: Path, storage: Storage, tasks: TaskStore) -> None:
        self._folder = folder
        self._storage = storage
        self._tasks = tasks
        self._one_at_a_time = asyncio.Lock()
        self._stale = asyncio.Event()

    def mark_stale(self) -> None:
        """Some row has changed: `run` writes its file soon."""
        self._stale.set()

    async def run(self) -> None:
        """Write files as rows change, until cancelled; what fails is tried at the next change or tick."""
        while True:
            await self._stale.wait()
            self._stale.clear()
            try:
                await self.refresh()
            except (OSError, StorageError) as error:
                log.warning("Result files will be written later", extra={"error": str(error)})

    async def refresh(self) -> None:
        """Write every file that is older than its row. Raises OSError when the disk refuses; rows keep the mark."""
        async with self._one_at_a_time:
            while stale := await self._tasks.stale_files(BATCH):
                latest = await self._tasks.latest()
                await asyncio.to_thread(self._write, stale, latest)
                await self._storage.commit([self._tasks.file_written(task) for task in stale])

    def _write(self, stale: list[Task], latest: Task | None) -> None:
        for folder in (self._folder.parent, self._folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for task in stale:
            write_atomically(self._folder / f"{task.id}.json", _text(task))
        if latest is not None:
            write_atomically(self._folder / "latest.json", _text(latest))


def _text(task: Task) -> str:
    # Half a surrogate pair can stand in a model's answer; JSON's own escape keeps it and the file stays UTF-8.
    text = json.dumps(result_json(task), ensure_ascii=False, indent=2)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(result_json(task), indent=2)
    return text + "\n"
