"""What the asker is told when a task has ended. Pure, and free of any model call."""

from typing import Final

from bot import words
from bot.catalogue import Catalogue, Language
from bot.delivery.item import OutboxItem
from bot.storage.port import Statement
from bot.tasks.store import TaskStore
from bot.tasks.task import Task
from channels.message import Button, OutboundMessage

SUMMARY_LENGTH: Final = 300  # characters
STILL_RUNNING: Final = ":still"
"""Ends the source id of the line that a long task sends on its way."""


def completion_notice(task: Task, language: Language, catalogue: Catalogue, timeout_seconds: float) -> OutboundMessage:
    """The message for an ended task; its `notify` must not be None."""
    if task.notify is None:
        raise ValueError(f"nobody is to be told of {task.id}")
    text, buttons = _text(task, language, catalogue, timeout_seconds)
    return OutboundMessage(task.notify, text, reply_to=task.reply_to, buttons=buttons)


def when_sent(item: OutboxItem, tasks: TaskStore) -> list[Statement]:
    """What belongs into the transaction that closes a sent row: a task whose notice has arrived is acknowledged."""
    if item.source.kind != "task" or item.source.id.endswith(STILL_RUNNING):
        return []
    return [tasks.acknowledge(item.source.id.split(":")[0])]


def _text(
    task: Task, language: Language, catalogue: Catalogue, timeout_seconds: float
) -> tuple[str, tuple[Button, ...]]:
    again = Button(catalogue.say(language, words.BUTTON_RETRY), f"/retry {task.id}")
    if task.state == "succeeded":
        show = f"/tasks {task.id}"
        text = catalogue.say(
            language,
            words.TASK_DONE,
            name=task.name,
            model=task.answered_by or task.model,
            prompt_tokens=task.prompt_tokens,
            completion_tokens=task.completion_tokens,
            total_tokens=task.total_tokens,
            summary=(task.output or "")[:SUMMARY_LENGTH],
            command=show,
        )
        return text, (Button(catalogue.say(language, words.BUTTON_RESULT), show),)
    if task.state == "timed_out":
        text = catalogue.say(
            language,
            words.TASK_TIMED_OUT,
            name=task.name,
            seconds=f"{timeout_seconds:g}",
            command=f"/retry {task.id}",
        )
        return text, (again,)
    if task.state == "cancelled":
        return catalogue.say(language, words.TASK_CANCELLED, name=task.name), (again,)
    reason = catalogue.say(language, words.FAILURES.get(task.error or "", words.SOMETHING_WENT_WRONG))
    text = catalogue.say(language, words.TASK_FAILED, name=task.name, reason=reason, command=f"/retry {task.id}")
    return text, (again,)
