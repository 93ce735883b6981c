"""Background tasks: `tasks.*`."""

from typing import Literal, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from bot.methods.desk import Caller, Desk
from bot.methods.failure import CONFLICT, INVALID_PARAMS, NOT_FOUND, TOO_MANY, UNAVAILABLE, MethodFailed
from bot.methods.page import Newest
from bot.settings.language_models import KIMI
from bot.storage.errors import GuardFailed
from bot.tasks.keys import TaskKeys
from bot.tasks.task import Priority, Runner, Task, TaskRequest, TaskState, result_json
from bot.tasks.webhook_url import check_webhook_url
from bot.titles import is_blank
from bot.web_guard import AddressRefused
from channels.config import Strict
from channels.message import Destination


class Notify(Strict):
    """The chat that gets the notice."""

    channel: str
    account: str = "default"
    chat: str
    thread: str | None = None


class Create(Strict):
    """A new task. `model` None: the one that Kimi tasks take; `agent` does it with its tools, None: the model alone;
    `notify` None: nobody is told.

    `runner` `external`: not the bot asks a model, but the caller sees to it that somebody posts the result.
    `webhook_url` gets the result, signed; None: it is posted nowhere.
    """

    prompt: str = Field(min_length=1)
    name: str | None = None
    model: str | None = None
    agent: str | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    priority: Priority = "normal"
    notify: Notify | None = None
    runner: Runner = "house"
    webhook_url: str | None = None


class One(Strict):
    """A task's id; the beginning is enough where it names only one."""

    task_id: str = Field(min_length=1)


class Some(Newest):
    """Of one state, or of all (null)."""

    state: TaskState | None = None


class Created(TypedDict):
    """The new task. A runner posts its result to `callback_url`.

    All that is posted about it is signed with `secret`, which is told this once.
    """

    task_id: str
    task_name: str
    state: Literal["queued", "running"]
    callback_url: NotRequired[str]
    secret: NotRequired[str]


class NewKey(TypedDict):
    """The task's newest key, told this once; the one before it stays good."""

    task_id: str
    secret: str


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
    runner: Runner
    prompt: NotRequired[str]


class TaskPage(TypedDict):
    """The newest first."""

    tasks: list[TaskView]


async def create(desk: Desk, caller: Caller, params: Create) -> Created:
    """Make a durable task; a worker begins it as soon as one is free."""
    request = TaskRequest(
        prompt=params.prompt,
        model=params.model or desk.settings.dispatch.model or KIMI,
        requester=f"gateway:{caller.name}",
        language=desk.settings.language,
        name=params.name,
        agent=params.agent,
        temperature=params.temperature,
        priority=params.priority,
        notify=None if params.notify is None else Destination(**params.notify.model_dump()),
        runner=params.runner,
        webhook_url=params.webhook_url,
    )
    return await begin(desk, request)


async def begin(desk: Desk, request: TaskRequest) -> Created:
    """The same for whoever has a whole request."""
    if is_blank(request.prompt):
        raise MethodFailed(INVALID_PARAMS, "prompt: the task is empty: write what is to be done")
    if request.agent is not None and request.agent not in {entry.id for entry in desk.entries()}:
        raise MethodFailed(INVALID_PARAMS, f"agent: there is no agent {request.agent!r} in bindings.yaml")
    if request.webhook_url is not None:
        try:
            check_webhook_url(request.webhook_url, desk.settings.dispatch.private_hosts)
        except AddressRefused as refusal:
            words = f"webhook_url: {refusal} (the owner may name hosts in dispatch.private_hosts)"
            raise MethodFailed(INVALID_PARAMS, words) from None
    bounds = desk.settings.dispatch
    task_id, name, statement = desk.tasks.create(request, bounds.per_user, bounds.most)
    created: Created = {"task_id": task_id, "task_name": name, "state": "queued"}
    statements = [statement]
    if request.runner == "external":
        created |= {"state": "running", "callback_url": f"{_webhook_root(desk)}/kimi/webhook/{task_id}"}
    if request.runner == "external" or request.webhook_url is not None:
        created["secret"], keeping = TaskKeys(desk.storage, desk.clock).first(task_id)
        statements.append(keeping)
    try:
        await desk.storage.commit(statements)
    except GuardFailed:
        if sum((await desk.tasks.counts()).values()) >= bounds.most:
            told = f"there are {bounds.most} unfinished tasks (dispatch.most): try again later"
        else:
            told = f"{request.requester} has {bounds.per_user} unfinished tasks: wait, or cancel one"
        raise MethodFailed(TOO_MANY, told) from None
    if desk.running is not None:
        desk.running.task_queued()
    return created


async def newest(desk: Desk, _caller: Caller, params: Some) -> TaskPage:
    """The newest tasks."""
    return {"tasks": [view(task) for task in await desk.tasks.newest(params.state, params.limit)]}


async def get(desk: Desk, _caller: Caller, params: One) -> TaskView:
    """One task with its prompt and whole output."""
    cache = None if desk.running is None else desk.running.cache
    if cache is not None and (attempt := await desk.tasks.ended_attempt(params.task_id)) is not None:
        kept = await cache.find(params.task_id, attempt)
        if kept is not None:
            return cast("TaskView", kept)  # what was kept below
    task = await _find(desk, params.task_id)
    shown: TaskView = {**view(task), "prompt": task.prompt}
    if cache is not None and task.finished is not None and (task.acknowledged or task.notify is None):
        cache.keep(task.id, task.attempt, dict(shown))  # nothing of this attempt changes any more
    return shown


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


async def rotate_key(desk: Desk, _caller: Caller, params: One) -> NewKey:
    """Make a new key for a task's messages; of the older ones only the newest stays good."""
    task = await _find(desk, params.task_id)
    key, statements = TaskKeys(desk.storage, desk.clock).next(task.id)
    try:
        await desk.storage.commit(statements)
    except GuardFailed:
        raise MethodFailed(
            CONFLICT, f"{task.id} has no key: only an external runner or a webhook_url needs one"
        ) from None
    return {"task_id": task.id, "secret": key}


def view(task: Task) -> TaskView:
    """A task as clients see it."""
    return cast("TaskView", result_json(task) | {"state": task.state, "runner": task.runner})


def _webhook_root(desk: Desk) -> str:
    """Under which the webhook listener is reached. Raises MethodFailed where there is none."""
    settings = desk.settings.dispatch
    address = None if settings.webhook_port is None else f"http://{settings.webhook_host}:{settings.webhook_port}"
    if desk.running is not None:
        address = desk.running.webhook_address
    if address is None:
        raise MethodFailed(UNAVAILABLE, "the webhook listener is off: set dispatch.webhook_port to a free port")
    return (settings.webhook_url or address).rstrip("/")


async def _find(desk: Desk, prefix: str) -> Task:
    task = await desk.tasks.find(prefix)
    if task is None:
        words = f"no single task has an id that begins with {prefix!r}: see tasks list"
        raise MethodFailed(NOT_FOUND, words)
    return task
