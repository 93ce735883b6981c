"""The pool of workers on its own, with claims that a test lets come back."""

import asyncio

from typing_extensions import override

from bot.dispatch.pool import WorkerPool
from bot.settings.doors import WorkerBounds
from bot.tasks.task import Task
from channels.clock import ManualClock
from tests.patience import PATIENCE_SECONDS


async def test_a_task_that_is_queued_while_the_only_worker_finds_nothing_is_not_left_lying() -> None:
    answers: asyncio.Queue[Task | None] = asyncio.Queue()
    claims: asyncio.Queue[None] = asyncio.Queue()

    async def claim() -> Task | None:
        claims.put_nowait(None)
        return await answers.get()

    async def work(_task: Task) -> Task | None:
        raise AssertionError

    pool = WorkerPool(WorkerBounds(min=1, max=1), ManualClock(), claim, work)
    async with pool.open():
        await claims.get()
        pool.wake()  # the claim that is under way may have been answered before the task was there
        answers.put_nowait(None)
        await claims.get()
        answers.put_nowait(None)


class Timers(ManualClock):
    """A clock whose sleepers a test wakes one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.running: list[asyncio.Future[None]] = []

    @override
    async def sleep(self, seconds: float) -> None:
        timer = asyncio.get_running_loop().create_future()
        self.running.append(timer)
        await timer


async def test_a_worker_that_is_woken_as_its_patience_ends_looks_once_more() -> None:
    claims: asyncio.Queue[None] = asyncio.Queue()
    timers = Timers()

    async def claim() -> Task | None:
        claims.put_nowait(None)
        return None

    async def work(_task: Task) -> Task | None:
        raise AssertionError

    pool = WorkerPool(WorkerBounds(min=1, max=2), timers, claim, work)
    async with pool.open(), asyncio.timeout(PATIENCE_SECONDS):
        pool.wake()  # hires the second
        while len(timers.running) < 2:
            await asyncio.sleep(0)
        for _ in range(claims.qsize()):
            claims.get_nowait()
        timers.running[0].set_result(None)
        await asyncio.sleep(0)
        pool.wake()
        await claims.get()
