"""What the asker is told when a task has ended. Pure, and free of any model call."""

from collections.abc import Callable
from functools import partial
from typing import Final

from bot import words
from bot.catalogue import Catalogue, Language
from bot.delivery.item import OutboxItem
from bot.dispatch.poster import POSTED
from bot.storage.port import Statement
from bot.tasks.reports import TaskReports
from bot.tasks.task import Task
from channels.chunking import split_markdown
from channels.graphemes import beginning
from channels.markdown import convert_markdown, has_markup
from channels.message import Button, OutboundMessage

SUMMARY_LENGTH: Final = 300  # characters
READ_LENGTH: Final = 4_000  # characters that are read for it: marks and addresses of links take their share
STILL_RUNNING: Final = ":still"
"""Ends the source id of the line that a long task sends on its way."""


def completion_notice(task: Task, language: Language, catalogue: Catalogue, timeout_seconds: float) -> OutboundMessage:
    """The message for an ended task; its `notify` must not be None."""
    if task.notify is None:
        raise ValueError(f"nobody is to be told of {task.id}")
    text, buttons = _text(task, language, catalogue, timeout_seconds)
    return OutboundMessage(task.notify, text, reply_to=task.reply_to, buttons=buttons)


def when_sent(item: OutboxItem, reports: TaskReports) -> list[Statement]:
    """What belongs into the transaction that closes a sent row: a task whose notice has arrived is acknowledged."""
    if item.source.kind != "task" or item.source.id.endswith((STILL_RUNNING, POSTED)):
        return []
    task_id, _, attempt = item.source.id.partition(":")
    return [reports.acknowledge(task_id, int(attempt))]


def summary_of(output: str) -> str:
    """The first SUMMARY_LENGTH characters of an answer as they read without markdown, whose marks a cut could part."""
    head = split_markdown(output, READ_LENGTH, "characters")[0] if output.strip() else ""
    text = convert_markdown(head)[0] if has_markup(head) else head
    return beginning(text, SUMMARY_LENGTH)


def _text(
    task: Task, language: Language, catalogue: Catalogue, timeout_seconds: float
) -> tuple[str, tuple[Button, ...]]:
    say = partial(catalogue.say, language)
    if task.state == "succeeded":
        show = f"/tasks {task.id}"
        return _done(task, say, show), (Button(say(words.BUTTON_RESULT), show),)
    command = f"/retry {task.id}"
    again = Button(say(words.BUTTON_RETRY), command)
    if task.state == "timed_out":
        seconds = f"{timeout_seconds:g}"
        return say(words.TASK_TIMED_OUT, name=task.name, seconds=seconds, command=command), (again,)
    if task.state == "cancelled":
        return say(words.TASK_CANCELLED, name=task.name), (again,)
    reason = say(words.FAILURES.get(task.error or "", words.SOMETHING_WENT_WRONG))
    return say(words.TASK_FAILED, name=task.name, reason=reason, command=command), (again,)


def _done(task: Task, say: Callable[..., str], command: str) -> str:
    return say(
        words.TASK_DONE,
        name=task.name,
        model=task.answered_by or task.model,
        prompt_tokens=task.prompt_tokens,
        completion_tokens=task.completion_tokens,
        total_tokens=task.total_tokens,
        summary=summary_of(task.output or ""),
        command=command,
    )
