"""The dispatcher: works queued tasks with a pool of workers and ends each, once, with its report."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

from bot.agents.port import Agent
from bot.dispatch.call import ask_agent, ask_model
from bot.dispatch.pool import WorkerPool
from bot.dispatch.teller import TaskTeller
from bot.providers.models import Models
from bot.settings.doors import DispatchSettings
from bot.storage.errors import GuardFailed, StorageError
from bot.storage.patience import commit_patiently
from bot.storage.port import Storage
from bot.tasks.reports import TaskReports
from bot.tasks.store import Outcome, TaskStore
from bot.tasks.task import Task
from bot.tools.unattended import IsOwner
from channels.clock import Clock

log = logging.getLogger(__name__)

OVERDUE_AT_ONCE: Final = 100
CRASHED: Final = Outcome("failed", error="crashed")


class Line(Protocol):
    """A quick way to other machines; what it loses costs time and nothing else."""

    def announce(self) -> None:
        """Something was queued or cancelled here."""
        ...


class Dispatcher:
    """Runs tasks. `queued` is told when a task waits, `cancelled` when a row was cancelled."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        tasks: TaskStore,
        reports: TaskReports,
        teller: TaskTeller,
        models: Models,
        settings: DispatchSettings,
        agents: Callable[[], Mapping[str, Agent]],
        is_owner: IsOwner,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._tasks = tasks
        self._reports = reports
        self.teller = teller
        self._models = models
        self._settings = settings
        self._agents = agents
        self._is_owner = is_owner
        self._pool = WorkerPool(settings.workers, clock, self._claim, self._work)
        self._running: dict[tuple[str, int], asyncio.Task[Outcome]] = {}  # by id and attempt
        self._chores: set[asyncio.Task[None]] = set()
        self.line: Line | None = None
        """To the other machines; None where there is no quicker one than the database."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Dispatcher"]:
        """Take up what an earlier process left; on leaving, cancel what runs (its rows stay `running`)."""
        await self._tasks.recover()
        async with self._pool.open():
            await self.look_after()
            try:
                yield self
            finally:
                chores = list(self._chores)
                for each in chores:
                    each.cancel()
                await asyncio.gather(*chores, return_exceptions=True)

    def queued(self) -> None:
        """A task was queued here, for the first time or again."""
        self._announce()
        self._pool.wake()

    def cancelled(self, task_id: str) -> None:
        """The row was cancelled: end the request in flight and report."""
        for (running_id, _), call in self._running.items():
            if running_id == task_id:
                call.cancel()
        self._announce()
        self._do_soon(lambda: self._publish(task_id))
        self.look_soon()

    def look_soon(self) -> None:
        """Look after everything without waiting for it: a channel has opened, or a row has changed."""
        self._do_soon(self.look_after)

    async def look_after(self) -> None:
        """What must come right whatever happened: queued tasks, notices that are missing, files that are stale."""
        counts = await self._tasks.counts()
        for _ in range(min(counts.get("queued", 0), self._pool.most)):
            self._pool.wake()
        await self._stop_cancelled()
        for task in await self._reports.overdue(self._settings.limit("external"), OVERDUE_AT_ONCE):
            await self._end(task, Outcome("timed_out", error="timed_out"))
        await self.teller.tell_missing()

    async def _claim(self) -> Task | None:
        try:
            return await self._tasks.claim_next()
        except StorageError as error:
            log.warning("Tasks wait for the database", extra={"error": str(error)})
            return None

    async def _work(self, task: Task) -> Task | None:
        """Do it; its end and the beginning of the next share a commit."""
        try:
            outcome = await self._run(task)
        except Exception:
            log.exception("A task failed in a way of its own", extra={"task": task.id})
            outcome = CRASHED
        if outcome is None:
            return await self._claim()
        _, following = await asyncio.gather(self._end_or_leave(task, outcome), self._claim())
        return following

    async def _run(self, task: Task) -> Outcome | None:
        """None: it was cancelled."""
        self.teller.publish(task)
        call = asyncio.create_task(self._ask(task), name=f"task {task.id}")
        self._running[task.id, task.attempt] = call
        still = asyncio.create_task(self.teller.say_still_running(task), name=f"still running {task.id}")
        try:
            await asyncio.wait([call])
            return None if call.cancelled() else call.result()
        finally:
            still.cancel()
            call.cancel()
            del self._running[task.id, task.attempt]

    async def _ask(self, task: Task) -> Outcome:
        seconds, images = self._settings.timeout_seconds, await self._tasks.images(task)
        if task.agent is None:
            return await ask_model(task, images, self._models, self._clock, seconds)
        agent = self._agents().get(task.agent)
        return await ask_agent(task, images, agent, self._clock, seconds, self._is_owner)

    async def _end_or_leave(self, task: Task, outcome: Outcome) -> None:
        try:
            await self._end(task, outcome)
        except StorageError as error:
            log.warning("A task is left to a later start", extra={"task": task.id, "error": str(error)})
        except Exception:
            log.exception("A task cannot be ended as it should", extra={"task": task.id})
            if outcome is not CRASHED:
                await self._end_or_leave(task, CRASHED)

    async def _end(self, task: Task, outcome: Outcome) -> None:
        """A task that was cancelled meanwhile stays cancelled."""
        ending = self.teller.ending(task, outcome)
        try:
            await commit_patiently(self._storage, self._clock, ending.statements)
        except GuardFailed:
            return
        ending.committed()

    async def _stop_cancelled(self) -> None:
        """Another process may have cancelled an attempt whose request runs here, and asked for the next at once."""
        for (task_id, attempt), call in list(self._running.items()):
            task = await self._tasks.get(task_id)
            if task is not None and (task.state, task.attempt) != ("running", attempt):
                call.cancel()

    def _announce(self) -> None:
        if self.line is not None:
            self.line.announce()

    async def _publish(self, task_id: str) -> None:
        task = await self._tasks.get(task_id)
        if task is not None:
            self.teller.publish(task)

    def _do_soon(self, work: Callable[[], Awaitable[None]]) -> None:
        """What the database refuses is left to the next tick."""

        async def do() -> None:
            try:
                await work()
            except StorageError as error:
                log.warning("Tasks are looked after at the next tick", extra={"error": str(error)})

        chore = asyncio.create_task(do(), name="dispatcher chore")
        self._chores.add(chore)
        chore.add_done_callback(self._chores.discard)
