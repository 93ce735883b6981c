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

    Brief keys take no place: their jobs wait for nothing outside, so none has to wait for those that do. A job may ask
    to be `alone`.

    A job's exception ends that job alone: jobs say themselves what their failure means, what reaches the lane is a
    fault of ours and is logged. So does cancelling the task that a job runs in, which it may show to others.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._queues: dict[str, deque[Job]] = {}
        self._ready: deque[str] = deque()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._brief: set[str] = set()
        self._placed: set[str] = set()  # of those that are running
        self._aside: set[str] = set()  # in `alone`, or waiting for it
        self._inside: str | None = None
        self._turnstile = asyncio.Lock()
        self._held = False  # somebody wants to be the only one
        self._quiet = asyncio.Event()
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
            for key in self._aside - {self._inside}:
                self._running[key].cancel()
            if under_way:
                _, late = await asyncio.wait(under_way, timeout=grace_seconds)
                for task in late:
                    task.cancel()
                await asyncio.gather(*late, return_exceptions=True)

    def submit(self, key: str, job: Job, *, brief: bool = False) -> None:
        """Run `job` after all earlier ones of `key`, which is brief or not. After closing, jobs are left to the next
        start."""
        if self._closed:
            return
        self._idle.clear()
        queue = self._queues.get(key)
        if queue is None:
            self._queues[key] = deque((job,))
            if brief:
                self._brief.add(key)
            if brief and not self._held:
                self._start(key)
            else:
                self._ready.append(key)
                self._start_ready()
        else:
            queue.append(job)

    def after(self, key: str, step: Callable[[], None]) -> None:
        """Take `step` behind all jobs of `key` that are under way or waiting: at once where there are none."""
        if key not in self._queues:
            step()
            return

        async def job() -> None:
            step()

        self.submit(key, job)

    @asynccontextmanager
    async def alone(self, key: str, *, entirely: bool) -> AsyncIterator[None]:
        """For the job of `key` that is under way: one at a time is inside, and who waits for it takes no place.

        With `entirely` it is also the only job under way: those that are end first, and no other begins. No job may
        wait for another, then.
        """
        self._aside.add(key)
        self._placed.discard(key)
        self._tell_if_quiet()
        self._start_ready()
        try:
            async with self._turnstile:
                try:
                    if entirely:
                        await self._others_end()
                    self._inside = key
                    yield
                finally:
                    self._inside = None
                    self._release()
        finally:
            self._aside.discard(key)
            self._place(key)

    def busy(self, prefix: str, *, but: str | None = None) -> bool:
        """True while a key that starts with `prefix`, and not with `but`, has a job under way or waiting."""
        return any(key.startswith(prefix) and not (but and key.startswith(but)) for key in self._queues)

    async def wait_idle(self) -> None:
        """Return when no job is under way or waiting."""
        await self._idle.wait()

    async def _others_end(self) -> None:
        self._held = True
        self._quiet.clear()
        self._tell_if_quiet()
        await self._quiet.wait()

    def _tell_if_quiet(self) -> None:
        if self._held and self._running.keys() <= self._aside:
            self._quiet.set()

    def _release(self) -> None:
        if not self._held:
            return
        self._held = False
        waiting, self._ready = self._ready, deque()
        for key in waiting:
            if key in self._brief and not self._closed:
                self._start(key)
            else:
                self._ready.append(key)
        self._start_ready()

    def _start_ready(self) -> None:
        while self._ready and len(self._placed) < self._width and not (self._held or self._closed):
            self._start(self._ready.popleft())

    def _place(self, key: str) -> None:
        if key not in self._brief:
            self._placed.add(key)

    def _start(self, key: str) -> None:
        self._place(key)
        self._running[key] = asyncio.create_task(self._run(key), name=f"lane {key}")

    async def _run(self, key: str) -> None:
        queue = self._queues[key]
        try:
            # While nobody else waits for a place, the lane keeps its own: a task per message would cost more.
            while queue and not self._closed:
                await self._run_one(key, queue.popleft())
                if self._held or (key not in self._brief and (self._ready or len(self._placed) > self._width)):
                    break
        finally:
            del self._running[key]
            self._placed.discard(key)
            if queue:
                self._ready.append(key)
            else:
                del self._queues[key]
                self._brief.discard(key)
            self._tell_if_quiet()
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
            task.uncancel()  # whoever cancelled it meant this job, not the lane
        except Exception:
            log.exception("A job failed in its lane", extra={"lane": key})
