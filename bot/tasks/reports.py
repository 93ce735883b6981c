"""Who has been told of a task: what is pending, what is still to be told or posted, what somebody is late with."""

from collections.abc import Mapping
from datetime import timedelta

from bot.storage.port import SqlValue, Statement, Storage
from bot.tasks.task import Task, task_from_row
from channels.clock import Clock, unix_ms


class TaskReports:
    """Reads and statements for the webhook listener and the dispatcher."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def pending(self, within: timedelta, most: int) -> list[Task]:
        """The oldest tasks that have not ended, or that ended `within` so long a time and their chat was not told."""
        return await self._read("tasks.pending", {"since_ms": self._since_ms(within), "most": most})

    async def unreported_places(self, within: timedelta) -> list[tuple[str, str]]:
        """The channels and accounts of `unreported`."""
        rows = await self._storage.read("tasks.unreported_places", {"since_ms": self._since_ms(within)})
        return [(row["channel"], row["account"]) for row in rows]

    async def unreported(self, channel: str, account: str, within: timedelta, most: int) -> list[Task]:
        """Tasks that ended `within` so long a time, that this channel is to be told of and no notice was queued for."""
        values: dict[str, SqlValue] = {
            "channel": channel,
            "account": account,
            "since_ms": self._since_ms(within),
            "most": most,
        }
        return await self._read("tasks.unreported", values)

    def acknowledge(self, task_id: str, attempt: int) -> Statement:
        """The platform took the notice; no effect once there is another attempt."""
        return Statement("tasks.acknowledge", {"id": task_id, "attempt": attempt})

    async def unposted(self, most: int) -> list[Task]:
        """Ended tasks whose result is to be posted and was not put into the outbox yet."""
        return await self._read("tasks.unposted", {"most": most})

    def posted(self, task: Task) -> Statement:
        """The result of this attempt stands in the outbox."""
        return Statement("tasks.posted", {"id": task.id, "attempt": task.attempt})

    async def overdue(self, after: timedelta, most: int) -> list[Task]:
        """Somebody else's tasks that have been running for longer than `after`."""
        return await self._read("tasks.overdue", {"before_ms": self._since_ms(after), "most": most})

    def _since_ms(self, within: timedelta) -> int:
        return unix_ms(self._clock.now() - within)

    async def _read(self, name: str, values: Mapping[str, SqlValue]) -> list[Task]:
        return [task_from_row(row) for row in await self._storage.read(name, values)]
