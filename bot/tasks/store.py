"""Tasks on disk: their statements and reads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.images import Image, read_image
from bot.storage.port import SqlValue, Statement, Storage
from bot.tasks.task import PATIENCE, Task, TaskRequest, TaskState, new_task_id, task_from_row, task_name
from channels.clock import Clock, unix_ms

MOST_FORGOTTEN = 20  # images at a time; each may have megabytes
IMAGES_KEPT = timedelta(days=7)  # after a task's end, in which it may be done again
MOST_CRASHES = 3  # times that a task is taken up again after its process died in it


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. Token counts are those of this attempt; `also` joins the
    transaction that ends it, `after` is called then."""

    state: TaskState
    output: str | None = None
    error: str | None = None
    answered_by: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    also: Sequence[Statement] = ()
    after: Sequence[Callable[[], None]] = ()


def with_outcome(task: Task, outcome: Outcome) -> Task:
    """`task` as its row will be once the outcome is committed, but for the time of its end."""
    return replace(
        task,
        state=outcome.state,
        output=outcome.output,
        error=outcome.error,
        answered_by=outcome.answered_by,
        prompt_tokens=task.prompt_tokens + outcome.prompt_tokens,
        completion_tokens=task.completion_tokens + outcome.completion_tokens,
        total_tokens=task.total_tokens + outcome.total_tokens,
    )


class TaskStore:
    """Reads and statements of tasks."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def create(self, request: TaskRequest, per_user: int, most: int) -> tuple[str, str, Statement]:
        """(id, name, statement) of a new task; the statement fails when `per_user` of the requester's are open, or
        `most` of everybody's.

        A task of somebody else's is running from the beginning.
        """
        now = self._clock.now()
        task_id, name = new_task_id(now), task_name(request.name, request.prompt)
        notify = request.notify
        values: dict[str, SqlValue] = {
            "id": task_id,
            "name": name,
            "prompt": request.prompt,
            "model": request.model,
            "temperature": request.temperature,
            "priority": request.priority,
            "rank_ms": unix_ms(now + PATIENCE[request.priority]),
            "requester": request.requester,
            "channel": notify.channel if notify else None,
            "account": notify.account if notify else None,
            "chat": notify.chat if notify else None,
            "thread": notify.thread if notify else None,
            "reply_to": request.reply_to,
            "language": request.language,
            "runner": request.runner,
            "webhook_url": request.webhook_url,
            "agent": request.agent,
            "images": len(request.images),
            "state": "running" if request.runner == "external" else "queued",
            "attempt": int(request.runner == "external"),
            "started_ms": unix_ms(now) if request.runner == "external" else None,
            "created_ms": unix_ms(now),
            "per_user": per_user,
            "most": most,
        }
        return task_id, name, Statement("tasks.create", values, required=True)

    def keep_images(self, task_id: str, images: Sequence[Image]) -> list[Statement]:
        """To stand in the transaction that creates the task."""
        return [
            Statement("tasks.keep_image", {"task_id": task_id, "number": number, "content": image.content})
            for number, image in enumerate(images)
        ]

    async def images(self, task: Task) -> list[Image]:
        """What `keep_images` kept; none where they are forgotten."""
        rows = await self._storage.read("tasks.images", {"task_id": task.id}) if task.images else []
        images = [read_image(bytes(row["content"])) for row in rows]
        return [image for image in images if image is not None]

    def prune(self) -> Statement:
        """Forget images of tasks that ended long ago, some at a time; answers those forgotten."""
        before_ms = unix_ms(self._clock.now() - IMAGES_KEPT)
        return Statement("tasks.forget_images", {"before_ms": before_ms, "most": MOST_FORGOTTEN})

    def chat_moved(self, channel: str, account: str, chat: str, new_chat: str) -> Statement:
        """Tasks that report to a chat follow it to its new id."""
        values: dict[str, SqlValue] = {"channel": channel, "account": account, "chat": chat, "new_chat": new_chat}
        return Statement("tasks.chat_moved", values)

    async def claim_next(self) -> Task | None:
        """Begin the queued task whose turn it is; None when none waits."""
        return await self._changed(Statement("tasks.claim_next", self._claiming()))

    def finish(self, task: Task, outcome: Outcome) -> Statement:
        """End the attempt under way; fails when it was ended meanwhile (cancelled)."""
        values: dict[str, SqlValue] = {
            "id": task.id,
            "attempt": task.attempt,
            "state": outcome.state,
            "now_ms": self._now_ms(),
            "output": outcome.output,
            "error": outcome.error,
            "answered_by": outcome.answered_by,
            "prompt_tokens": outcome.prompt_tokens,
            "completion_tokens": outcome.completion_tokens,
            "total_tokens": outcome.total_tokens,
        }
        return Statement("tasks.finish", values, required=True)

    def cancel(self, task_id: str) -> Statement:
        """Fails when the task has ended already. Returns the task's row. One that waits ends an attempt that never
        began, so that its end is not taken for that of the attempt before."""
        return Statement("tasks.cancel", {"id": task_id, "now_ms": self._now_ms()}, required=True)

    def retry(self, task: Task, per_user: int | None = None, most: int | None = None) -> Statement:
        """Queue an ended task for a new attempt; fails when it has not ended. Somebody else's is running again.

        It fails as `create` does when so many are open already; None: no bound.
        """
        values: dict[str, SqlValue] = {
            "id": task.id,
            "rank_ms": unix_ms(self._clock.now() + PATIENCE[task.priority]),
            "now_ms": self._now_ms(),
            "per_user": per_user,
            "most": most,
        }
        return Statement("tasks.retry", values, required=True)

    async def recover(self) -> None:
        """Queue what dead processes left running; give up on tasks that they keep dying in."""
        await self._storage.commit(
            [
                Statement("tasks.requeue_interrupted", {"most_crashes": MOST_CRASHES}),
                Statement("tasks.fail_interrupted", {"now_ms": self._now_ms()}),
            ]
        )

    async def get(self, task_id: str) -> Task | None:
        return _only(await self._read("tasks.get", {"id": task_id}))

    async def ended_attempt(self, task_id: str) -> int | None:
        """The number of a task's last attempt, read without its texts; None while it waits or runs, or is none."""
        rows = await self._storage.read("tasks.ended_attempt", {"id": task_id})
        return rows[0]["attempt"] if rows else None

    async def find(self, prefix: str) -> Task | None:
        """The task whose id starts with `prefix`; None when there is none, or more than one."""
        return _only(await self._read("tasks.find", {"prefix": prefix.replace("%", "").replace("_", "")}))

    async def newest(self, state: TaskState | None, most: int) -> list[Task]:
        """The newest tasks, of one state or of all (None)."""
        return await self._read("tasks.list", {"state": state, "most": most})

    async def newest_of_chat(self, channel: str, account: str, chat: str, most: int) -> list[Task]:
        """The newest tasks that report to this chat."""
        return await self._read(
            "tasks.list_of_chat", {"channel": channel, "account": account, "chat": chat, "most": most}
        )

    async def counts(self) -> dict[str, int]:
        """How many tasks wait (`queued`) and run (`running`)."""
        return {row["state"]: row["items"] for row in await self._storage.read("tasks.counts", {})}

    def _claiming(self) -> dict[str, SqlValue]:
        return {"now_ms": self._now_ms(), "holder": self._storage.member}

    async def _changed(self, statement: Statement) -> Task | None:
        (rows,) = await self._storage.commit([statement])
        return task_from_row(rows[0]) if rows else None

    async def _read(self, name: str, values: dict[str, SqlValue]) -> list[Task]:
        return [task_from_row(row) for row in await self._storage.read(name, values)]

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())


def _only(tasks: Sequence[Task]) -> Task | None:
    return tasks[0] if len(tasks) == 1 else None
