"""A background task: a prompt for a model, its state, its result."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.images import Image
from bot.storage.port import Row
from bot.titles import title_of
from channels.clock import from_unix_ms
from channels.message import Destination

Priority = Literal["high", "normal", "low"]
TaskState = Literal["queued", "running", "succeeded", "failed", "timed_out", "cancelled"]

Runner = Literal["house", "external"]
"""Who works on a task: the bot itself, or somebody else, who posts the result to the webhook listener."""

PATIENCE: dict[Priority, timedelta] = {
    "high": timedelta(0),
    "normal": timedelta(minutes=2),
    "low": timedelta(minutes=10),
}
"""How much later than a `high` task of the same moment a task gets its turn. So `low` waits, but never starves."""


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """What somebody asks for. `name` None: taken from the prompt. `requester` is `<channel>:<sender>`.

    `notify` None: nobody is told, the result waits. `reply_to` is the asking message. `webhook_url` None: the result is
    posted nowhere. `agent` does it with its tools, None: `model` alone is asked. `images` belong to the prompt.
    """

    prompt: str
    model: str
    requester: str
    language: str
    name: str | None = None
    temperature: float | None = None
    priority: Priority = "normal"
    notify: Destination | None = None
    reply_to: str | None = None
    runner: Runner = "house"
    webhook_url: str | None = None
    agent: str | None = None
    images: Sequence[Image] = ()


@dataclass(frozen=True, slots=True)
class Task:
    """One row. `attempt` counts the times it was begun; token counts add up over attempts.

    `error` is a reason code for people of the house (`model_unreachable`, `interrupted`, …), None for a success.
    `images` counts those that came with it.
    """

    id: str
    name: str
    prompt: str
    model: str
    temperature: float | None
    priority: Priority
    requester: str
    notify: Destination | None
    reply_to: str | None
    language: str
    state: TaskState
    attempt: int
    created: datetime
    started: datetime | None
    finished: datetime | None
    output: str | None
    error: str | None
    answered_by: str | None
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    acknowledged: bool
    runner: Runner = "house"
    webhook_url: str | None = None
    agent: str | None = None
    images: int = 0


def new_task_id(now: datetime) -> str:
    """`kimi-<unix seconds>-<32 hex digits>`, not to be guessed."""
    return f"kimi-{int(now.timestamp())}-{secrets.token_hex(16)}"


def task_name(name: str | None, prompt: str) -> str:
    """The given name, or the prompt's first line, cut at 40 characters."""
    return title_of(name or "") or title_of(prompt)


def task_from_row(row: Row) -> Task:
    notify = None
    if row["channel"] is not None:
        notify = Destination(row["channel"], row["account"], row["chat"], row["thread"])
    return Task(
        id=row["id"],
        name=row["name"],
        prompt=row["prompt"],
        model=row["model"],
        temperature=row["temperature"],
        priority=row["priority"],
        requester=row["requester"],
        notify=notify,
        reply_to=row["reply_to"],
        language=row["language"],
        state=row["state"],
        attempt=row["attempt"],
        created=from_unix_ms(row["created_ms"]),
        started=_moment(row["started_ms"]),
        finished=_moment(row["finished_ms"]),
        output=row["output"],
        error=row["error"],
        answered_by=row["answered_by"],
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        total_tokens=row["total_tokens"],
        acknowledged=bool(row["acknowledged"]),
        runner=row["runner"],
        webhook_url=row["webhook_url"],
        agent=row["agent"],
        images=row["images"],
    )


def result_status(task: Task) -> str:
    """The state as those outside know it: a success is called `done`."""
    return "done" if task.state == "succeeded" else task.state


def result_json(task: Task) -> dict[str, Any]:
    """The form of `kimi-dispatch/results/<task_id>.json`."""
    return {
        "task_id": task.id,
        "task_name": task.name,
        "status": result_status(task),
        "model": task.answered_by or task.model,
        "tokens": {
            "prompt": task.prompt_tokens,
            "completion": task.completion_tokens,
            "total": task.total_tokens,
        },
        "output": task.output,
        "error": task.error,
        "acknowledged": task.acknowledged,
        "created_at": task.created.isoformat(),
        "finished_at": None if task.finished is None else task.finished.isoformat(),
        "notify": None
        if task.notify is None
        else {
            "channel": task.notify.channel,
            "account": task.notify.account,
            "chat": task.notify.chat,
            "thread": task.notify.thread,
        },
    }


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_unix_ms(milliseconds)
