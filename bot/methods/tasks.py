"""Background tasks: `tasks.*`."""

from typing import Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from bot.methods.desk import Caller, Desk
from bot.methods.failure import CONFLICT, NOT_FOUND, TOO_MANY, MethodFailed
from bot.methods.page import Newest
from bot.storage.errors import GuardFailed
from bot.tasks.task import Priority, Task, TaskRequest, TaskState, result_json
from channels.config import Strict
from channels.message import Destination


class Notify(Strict):
    """The chat that gets the notice."""

    channel: str
    account: str = "default"
    chat: str
    thread: str | None = None


class Create(Strict):
    """A new task. `model` None: the one that Kimi tasks take; `notify` None: nobody is told."""

    prompt: str = Field(min_length=1)
    name: str | None = None
    model: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    priority: Priority = "normal"
    notify: Notify | None = None


class One(Strict):
    """A task's id; the beginning is enough where it names only one."""

    task_id: str = Field(min_length=1)


class Some(Newest):
    """Of one state, or of all (null)."""

    state: TaskState | None = None


class Created(TypedDict):
    """The new task."""

    task_id: str
    task_name: str
    state: Literal["queued"]


class TaskView(TypedDict):
    task_id: str
    task_name: str
    status: str
    state: str
    model: str
    tokens: dict[str, int]
    output: str | None
    error: str | None
    acknowledged: bool
    created_at: str
    finished_at: str | None
    notify: dict[str, str | None] | None
    prompt: NotRequired[str]


class TaskPage(TypedDict):
    """The newest first."""

    tasks: list[TaskView]


async def create(desk: Desk, caller: Caller, params: Create) -> Created:
    """Make a durable task; a worker begins it as soon as one is free."""
    request = TaskRequest(
        prompt=params.prompt,
        model=params.model or desk.settings.dispatch.model or "kimi",
        requester=f"gateway:{caller.name}",
        language=desk.settings.language,
        name=params.name,
        temperature=params.temperature,
        priority=params.priority,
        notify=None if params.notify is None else Destination(**params.notify.model_dump()),
    )
    return await begin(desk, request)


async def begin(desk: Desk, request: TaskRequest) -> Created:
    """The same for whoever has a whole request."""
    task_id, name, statement = desk.tasks.create(request, desk.settings.dispatch.per_user)
    try:
        await desk.storage.commit([statement])
    except GuardFailed:
        most = desk.settings.dispatch.per_user
        raise MethodFailed(TOO_MANY, f"{request.requester} has {most} unfinished tasks: wait, or cancel one") from None
    if desk.running is not None:
        desk.running.task_queued()
    return {"task_id": task_id, "task_name": name, "state": "queued"}


async def newest(desk: Desk, _caller: Caller, params: Some) -> TaskPage:
    """The newest tasks."""
    return {"tasks": [view(task) for task in await desk.tasks.newest(params.state, params.limit)]}


async def get(desk: Desk, _caller: Caller, params: One) -> TaskView:
    """One task with its prompt and whole output."""
    task = await _find(desk, params.task_id)
    return {**view(task), "prompt": task.prompt}


async def cancel(desk: Desk, _caller: Caller, params: One) -> TaskView:
    """End a task that waits or runs."""
    task = await _find(desk, params.task_id)
    try:
        await desk.storage.commit([desk.tasks.cancel(task.id)])
    except GuardFailed:
        words = f"{task.id} is {task.state}: only tasks that wait or run can be cancelled"
        raise MethodFailed(CONFLICT, words) from None
    if desk.running is not None:
        desk.running.task_cancelled(task.id)
    return view(await _find(desk, task.id))


async def retry(desk: Desk, _caller: Caller, params: One) -> TaskView:
    """Begin an ended task anew."""
    task = await _find(desk, params.task_id)
    try:
        await desk.storage.commit([desk.tasks.retry(task)])
    except GuardFailed:
        raise MethodFailed(CONFLICT, f"{task.id} is {task.state}: only ended tasks can be tried again") from None
    if desk.running is not None:
        desk.running.task_queued()
    return view(await _find(desk, task.id))


def view(task: Task) -> TaskView:
    """A task as clients see it."""
    shown: Any = result_json(task) | {"state": task.state}
    return shown  # type: ignore[no-any-return]  # result_json is what the type above spells out


async def _find(desk: Desk, prefix: str) -> Task:
    task = await desk.tasks.find(prefix)
    if task is None:
        words = f"no single task has an id that begins with {prefix!r}: see tasks list"
        raise MethodFailed(NOT_FOUND, words)
    return task
