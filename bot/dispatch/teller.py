"""Who is told what of a task: its chat, the address that was given with it, clients of the gateway, its file.

A task's end and its notice are one transaction. What that transaction could not hold (the channel was closed, the
command line ended the task) is found by `tell_missing`.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from bot import words
from bot.catalogue import Catalogue
from bot.delivery.item import LIFETIME, Source
from bot.dispatch.notice import STILL_RUNNING, completion_notice
from bot.dispatch.poster import result_items
from bot.events import Events
from bot.pipeline.outgoing import Outgoing, Queued
from bot.settings.doors import DispatchSettings
from bot.storage.errors import StorageError
from bot.storage.port import Statement, Storage
from bot.tasks.reports import TaskReports
from bot.tasks.results import ResultFiles
from bot.tasks.store import Outcome, TaskStore, with_outcome
from bot.tasks.task import Task
from channels.clock import Clock
from channels.message import Button, Destination, OutboundMessage

log = logging.getLogger(__name__)

REPORTED_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Ending:
    """What ends a task: statements for one transaction, and what to call once they are committed."""

    statements: Sequence[Statement]
    committed: Callable[[], None]


class TaskTeller:
    """Tells; what it queues is delivered as every message is."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        tasks: TaskStore,
        reports: TaskReports,
        results: ResultFiles,
        outgoing: Outgoing,
        catalogue: Catalogue,
        settings: DispatchSettings,
        events: Events,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._tasks = tasks
        self._reports = reports
        self._results = results
        self._outgoing = outgoing
        self._catalogue = catalogue
        self._settings = settings
        self._events = events

    def ending(self, task: Task, outcome: Outcome) -> Ending:
        """Result and notice; its statements fail for a task that has ended meanwhile."""
        ended = with_outcome(task, outcome)
        queued = [each for each in (self._notice(ended), self._post(ended)) if each is not None]

        def committed() -> None:
            for each in queued:
                self._outgoing.leave(each)
            for after in outcome.after:
                after()
            log.info("A task has ended", extra={"task": task.id, "state": outcome.state})
            self.publish(ended)
            self._results.mark_stale()

        told = [statement for each in queued for statement in each.statements]
        return Ending([self._tasks.finish(task, outcome), *outcome.also, *told], committed)

    async def tell_missing(self) -> None:
        """Queue the notices and results that no row stands for, and have stale files written. Raises StorageError."""
        await self.report()
        for task in await self._reports.unposted(REPORTED_AT_ONCE):
            await self._leave(self._post(task))
        self._results.mark_stale()

    async def report(self) -> None:
        """Queue the notices that are missing, where their channels are open. Raises StorageError.

        What ended so long ago that its notice would have expired is not told any more: its row may be forgotten.
        """
        within = LIFETIME["notice"]
        for channel, account in await self._reports.unreported_places(within):
            if self._outgoing.channel(Destination(channel, account, "")) is None:
                continue
            for task in await self._reports.unreported(channel, account, within, REPORTED_AT_ONCE):
                await self._leave(self._notice(task))

    async def say_still_running(self, task: Task) -> None:
        """Wait for as long as the settings say, then say in its chat that the task still runs."""
        await self._clock.sleep(self._settings.still_running_seconds)
        channel = None if task.notify is None else self._outgoing.channel(task.notify)
        if task.notify is None or channel is None:
            return
        language = self._catalogue.language_for(task.language, "zh-Hant")
        seconds = f"{self._settings.still_running_seconds:g}"
        text = self._catalogue.say(language, words.TASK_STILL_RUNNING, name=task.name, seconds=seconds)
        source = Source("task", f"{task.id}:{task.attempt}{STILL_RUNNING}")
        cancel = Button(self._catalogue.say(language, words.BUTTON_CANCEL), f"/cancel {task.id}")
        message = OutboundMessage(task.notify, text, buttons=(cancel,))
        with suppress(StorageError):
            await self._leave(self._outgoing.queue(channel, message, "notice", source, language))

    def publish(self, task: Task) -> None:
        """Tell clients of the gateway how it stands; of a task that no client's session asked for, all of them."""
        notify = task.notify
        session_key = notify.chat if notify is not None and notify.channel == "web" else None
        about = {"task_id": task.id, "task_name": task.name, "state": task.state, "attempt": task.attempt}
        self._events.publish("task.update", session_key, about)

    def _notice(self, task: Task) -> Queued | None:
        """The notice as rows; None when nobody is to be told, or the channel is closed for now."""
        channel = None if task.notify is None else self._outgoing.channel(task.notify)
        if channel is None:
            return None
        language = self._catalogue.language_for(task.language, "zh-Hant")
        message = completion_notice(task, language, self._catalogue, self._settings.limit(task.runner).total_seconds())
        source = Source("task", f"{task.id}:{task.attempt}")
        return self._outgoing.queue(channel, message, "notice", source, language)

    def _post(self, task: Task) -> Queued | None:
        """The result for whoever gave an address with the task; None when nobody did."""
        if task.webhook_url is None:
            return None
        queued = self._outgoing.queue_items(result_items(task, self._clock))
        return replace(queued, statements=[*queued.statements, self._reports.posted(task)])

    async def _leave(self, queued: Queued | None) -> None:
        if queued is not None:
            await self._storage.commit(queued.statements)
            self._outgoing.leave(queued)
