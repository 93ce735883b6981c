"""Ended tasks as their result files need them: which file is older than its row."""

from collections.abc import Mapping

from bot.storage.port import SqlValue, Statement, Storage
from bot.tasks.task import Task, task_from_row
from channels.clock import unix_ms


class EndedTasks:
    """Reads and statements. A row that changes is marked stale; who has written its file takes the mark back."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def latest(self) -> Task | None:
        """The task that ended last; None before the first."""
        found = await self._read("tasks.latest", {})
        return found[0] if found else None

    async def after(self, task_id: str, most: int) -> list[Task]:
        """The ended tasks whose ids come after `task_id`, in their order."""
        return await self._read("tasks.ended", {"after": task_id, "most": most})

    async def stale(self, most: int) -> list[Task]:
        """Those whose result file is older than their row."""
        return await self._read("tasks.stale_files", {"most": most})

    def mark_stale(self, task: Task) -> Statement:
        """The file does not show what the row says."""
        return Statement("tasks.mark_stale", {"id": task.id})

    def written(self, task: Task) -> Statement:
        """The file shows `task` as it is here; no effect when the row has moved on meanwhile."""
        values: dict[str, SqlValue] = {
            "id": task.id,
            "acknowledged": int(task.acknowledged),
            "attempt": task.attempt,
            "state": task.state,
            "finished_ms": 0 if task.finished is None else unix_ms(task.finished),
        }
        return Statement("tasks.file_written", values)

    async def _read(self, name: str, values: Mapping[str, SqlValue]) -> list[Task]:
        return [task_from_row(row) for row in await self._storage.read(name, values)]
