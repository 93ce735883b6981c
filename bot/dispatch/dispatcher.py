"""The dispatcher: works queued tasks with a pool of workers and reports each end into its chat.

A task's end and its notice are one transaction. What that transaction could not hold (the channel was closed, the
command line ended the task) is found by `look_after`, on every tick.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress

from bot import words
from bot.catalogue import Catalogue
from bot.delivery.item import Source
from bot.dispatch.call import ask_model
from bot.dispatch.notice import STILL_RUNNING, completion_notice
from bot.events import Events
from bot.pipeline.outgoing import Outgoing, Queued
from bot.providers.models import Models
from bot.settings.model import DispatchSettings
from bot.storage.errors import GuardFailed, StorageError
from bot.storage.patience import commit_patiently
from bot.storage.port import Storage
from bot.tasks.results import ResultFiles
from bot.tasks.store import Outcome, TaskStore, with_outcome
from bot.tasks.task import Task
from channels.clock import Clock, deadline
from channels.message import OutboundMessage

log = logging.getLogger(__name__)

REPORTED_AT_ONCE = 100
IDLE_SECONDS = 30.0  # a worker above the minimum goes when it had nothing to do for so long


class Dispatcher:
    """Runs tasks. `queued` is told when a task waits, `cancelled` when a row was cancelled."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        tasks: TaskStore,
        results: ResultFiles,
        models: Models,
        outgoing: Outgoing,
        catalogue: Catalogue,
        settings: DispatchSettings,
        events: Events,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._tasks = tasks
        self._results = results
        self._models = models
        self._outgoing = outgoing
        self._catalogue = catalogue
        self._settings = settings
        self._events = events
        self._workers: set[asyncio.Task[None]] = set()
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._idle: deque[asyncio.Future[None]] = deque()
        self._open = False
        self._chores: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Dispatcher"]:
        """Take up what an earlier process left; on leaving, cancel what runs (its rows stay `running`)."""
        await self._tasks.recover()
        self._open = True
        for _ in range(self._settings.workers.min):
            self._hire()
        await self.look_after()
        try:
            yield self
        finally:
            self._open = False
            everyone = [*self._workers, *self._chores]
            for each in everyone:
                each.cancel()
            await asyncio.gather(*everyone, return_exceptions=True)

    def queued(self) -> None:
        """A task waits: wake a worker, or hire one."""
        if not self._open:
            return
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return
        if len(self._workers) < self._settings.workers.max:
            self._hire()

    def cancelled(self, task_id: str) -> None:
        """The row was cancelled: end the request in flight and report."""
        running = self._running.get(task_id)
        if running is not None:
            running.cancel()
        self._chore(self.look_after())

    async def look_after(self) -> None:
        """What must come right whatever happened: queued tasks, notices that are missing, files that are stale."""
        counts = await self._tasks.counts()
        for _ in range(min(counts.get("queued", 0), self._settings.workers.max)):
            self.queued()
        await self._stop_cancelled()
        for task in await self._tasks.unreported(REPORTED_AT_ONCE):
            queued = self._notice(task)
            if queued is not None:
                await self._storage.commit(queued.statements)
                self._outgoing.leave(queued)
        self._results.mark_stale()

    async def _work_on(self) -> None:
        """One worker: task after task, until there is too little to do."""
        while True:
            task = await self._claim()
            if task is None:
                if await self._wait_for_work() or len(self._workers) <= self._settings.workers.min:
                    continue
                return
            try:
                await self._run(task)
            except StorageError as error:
                log.warning("A task is left to a later start", extra={"task": task.id, "error": str(error)})
            except Exception:
                log.exception("A task failed in a way of its own", extra={"task": task.id})
                await self._end(task, Outcome("failed", error="crashed"))

    async def _claim(self) -> Task | None:
        try:
            return await self._tasks.claim_next()
        except StorageError as error:
            log.warning("Tasks wait for the database", extra={"error": str(error)})
            return None

    async def _wait_for_work(self) -> bool:
        """True when woken, False after a while in vain."""
        idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        try:
            async with deadline(self._clock, IDLE_SECONDS):
                await idle
        except TimeoutError:
            return False
        finally:
            with suppress(ValueError):
                self._idle.remove(idle)
        return True

    async def _run(self, task: Task) -> None:
        self._tell(task)
        call = asyncio.create_task(
            ask_model(task, self._models, self._clock, self._settings.timeout_seconds), name=f"task {task.id}"
        )
        self._running[task.id] = call
        still = asyncio.create_task(self._say_still_running(task), name=f"still running {task.id}")
        try:
            await asyncio.wait([call])
            if not call.cancelled():
                await self._end(task, call.result())
        finally:
            still.cancel()
            call.cancel()
            del self._running[task.id]

    async def _end(self, task: Task, outcome: Outcome) -> None:
        """Result and notice in one transaction; a task that was cancelled meanwhile stays cancelled."""
        ended = with_outcome(task, outcome)
        queued = self._notice(ended)
        statements = [self._tasks.finish(task, outcome), *(queued.statements if queued else ())]
        try:
            await commit_patiently(self._storage, self._clock, statements)
        except GuardFailed:
            return
        if queued is not None:
            self._outgoing.leave(queued)
        log.info("A task has ended", extra={"task": task.id, "state": outcome.state})
        self._tell(ended)
        self._results.mark_stale()

    def _tell(self, task: Task) -> None:
        """`task.update`; of a task that no client's session asked for, every client hears."""
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
        message = completion_notice(task, language, self._catalogue, self._settings.timeout_seconds)
        return self._outgoing.queue(channel, message, "notice", _source(task), language)

    async def _say_still_running(self, task: Task) -> None:
        await self._clock.sleep(self._settings.still_running_seconds)
        channel = None if task.notify is None else self._outgoing.channel(task.notify)
        if task.notify is None or channel is None:
            return
        language = self._catalogue.language_for(task.language, "zh-Hant")
        seconds = f"{self._settings.still_running_seconds:g}"
        text = self._catalogue.say(language, words.TASK_STILL_RUNNING, name=task.name, seconds=seconds)
        source = Source("task", f"{task.id}:{task.attempt}{STILL_RUNNING}")
        queued = self._outgoing.queue(channel, OutboundMessage(task.notify, text), "notice", source, language)
        with suppress(StorageError):
            await self._storage.commit(queued.statements)
            self._outgoing.leave(queued)

    async def _stop_cancelled(self) -> None:
        """Another process may have cancelled a row whose request runs here."""
        for task_id in list(self._running):
            task = await self._tasks.get(task_id)
            if task is not None and task.state == "cancelled":
                self._running[task_id].cancel()

    def _hire(self) -> None:
        worker = asyncio.create_task(self._work_on(), name="task worker")
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    def _chore(self, work: Coroutine[None, None, None]) -> None:
        chore = asyncio.create_task(work, name="dispatcher chore")
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)


def _source(task: Task) -> Source:
    return Source("task", f"{task.id}:{task.attempt}")
