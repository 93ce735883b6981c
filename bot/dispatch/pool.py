"""A pool of workers that grows while tasks wait and shrinks when they have had nothing to do for a while."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from bot.settings.doors import WorkerBounds
from bot.tasks.task import Task
from channels.clock import Clock, deadline

IDLE_SECONDS: Final = 30.0  # a worker above the minimum goes when it had nothing to do for so long


class WorkerPool:
    """`claim` begins the next task, None: there is none. `work` does one and answers the next, claimed as well.

    Neither raises.
    """

    def __init__(
        self,
        bounds: WorkerBounds,
        clock: Clock,
        claim: Callable[[], Awaitable[Task | None]],
        work: Callable[[Task], Awaitable[Task | None]],
    ) -> None:
        self._bounds = bounds
        self._clock = clock
        self._claim = claim
        self._work = work
        self._open = False
        self._woken = False
        self._workers: set[asyncio.Task[None]] = set()
        self._idle: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hire the least that there may be; on leaving, stop everybody in what they do."""
        self._open = True
        for _ in range(self._bounds.min):
            self._hire()
        try:
            yield
        finally:
            self._open = False
            workers = list(self._workers)
            for each in workers:
                each.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    @property
    def most(self) -> int:
        """How many may work at once."""
        return self._bounds.max

    def wake(self) -> None:
        """A task waits: wake a worker, or hire one."""
        if not self._open:
            return
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return
        if len(self._workers) < self._bounds.max:
            self._hire()
        else:
            self._woken = True  # whoever has just found nothing has not seen it

    async def _work_on(self) -> None:
        """One worker: task after task, until there is too little to do."""
        task: Task | None = None
        while True:
            task = await (self._claim() if task is None else self._work(task))
            if task is not None or await self._wait_for_work() or len(self._workers) <= self._bounds.min:
                continue
            this = asyncio.current_task()
            if this is not None:
                self._workers.discard(this)  # now: others that wake in this moment count who is left
            return

    async def _wait_for_work(self) -> bool:
        """True when woken, False after a while in vain."""
        if self._woken:
            self._woken = False
            return True
        idle: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        try:
            async with deadline(self._clock, IDLE_SECONDS):
                await idle
        except TimeoutError:
            return idle.done() and not idle.cancelled()  # it may have been woken in the same moment
        finally:
            with suppress(ValueError):
                self._idle.remove(idle)
        return True

    def _hire(self) -> None:
        worker = asyncio.create_task(self._work_on(), name="task worker")
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)
