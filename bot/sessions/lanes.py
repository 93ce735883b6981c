"""Lanes: the jobs of one key run one after another, different keys side by side, and no key starves another."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[None]]


class Lanes:
    """At most `width` jobs at a time; a key that has just run waits behind the other keys that are ready.

    A job's exception ends that job alone: jobs say themselves what their failure means, what reaches the lane is a
    fault of ours and is logged.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._queues: dict[str, deque[Job]] = {}
        self._ready: deque[str] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def open(self, grace_seconds: float) -> AsyncIterator["Lanes"]:
        """On leaving: begin no more jobs, give those under way `grace_seconds`, then cancel them."""
        try:
            yield self
        finally:
            self._closed = True
            under_way = list(self._running.values())
            if under_way:
                _, late = await asyncio.wait(under_way, timeout=grace_seconds)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    def submit(self, key: str, job: Job) -> None:
        """Run `job` after all earlier ones of `key`. After closing, jobs are left to the next start."""
        if self._closed:
            return
        self._idle.clear()
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = deque((job,))
            self._ready.append(key)
            self._start_ready()
        else:
            queue.append(job)

    def busy(self, prefix: str) -> bool:
        """True while a key that starts with `prefix` has a job under way or waiting."""
        return any(key.startswith(prefix) for key in self._queues)

    def cancel(self, key: str) -> bool:
        """Cancel the job of `key` that is under way; False when there is none. Waiting jobs stay."""
        task = self._running.get(key)
        return task is not None and task.cancel()

    async def wait_idle(self) -> None:
        """Return when no job is under way or waiting."""
        await self._idle.wait()

    def _start_ready(self) -> None:
        while self._ready and len(self._running) < self._width and not self._closed:
            key = self._ready.popleft()
            task = asyncio.create_task(self._run(key), name=f"lane {key}")
            self._running[key] = task

    async def _run(self, key: str) -> None:
        queue = self._queues[key]
        try:
            # While nobody else waits for a place, the lane keeps its own: a task per message would cost more.
            while queue and not self._closed:
                await self._run_one(key, queue.popleft())
                if self._ready:
                    break
        finally:
            del self._running[key]
            if queue:
                self._ready.append(key)
            else:
                del self._queues[key]
            self._start_ready()
            if not self._queues:
                self._idle.set()

    async def _run_one(self, key: str, job: Job) -> None:
        try:
            await job()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed or task is None:
                raise
            task.uncancel()  # `cancel` meant this job, not the lane
        except Exception:
            log.exception("A job failed in its lane", extra={"lane": key})
