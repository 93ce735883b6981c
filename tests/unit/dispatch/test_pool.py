"""The pool of workers on its own, with claims that a test lets come back."""

import asyncio

from bot.dispatch.pool import WorkerPool
from bot.settings.doors import WorkerBounds
from bot.tasks.task import Task
from channels.clock import ManualClock


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
