"""Chores ring for as long as they should, one at a time, and end without a word."""

import asyncio
import logging

import pytest

from bot.storage.errors import StorageUnavailable
from bot.waker import Ring, waking

OFTEN = 0.005


async def test_work_under_way_at_the_end_is_cancelled_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    begun, cancelled = {"often": asyncio.Event(), "by the scheduler": asyncio.Event()}, []

    def ring(name: str, seconds: float) -> Ring:
        async def work() -> None:
            begun[name].set()
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancelled.append(name)
                raise

        return Ring(name, seconds, work)

    async with waking([ring("often", OFTEN), ring("by the scheduler", 1)]):
        for event in begun.values():
            await event.wait()

    assert sorted(cancelled) == sorted(begun)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_chore_that_takes_longer_than_its_pause_is_not_called_twice_and_nobody_is_warned(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls, others, enough = [], [], asyncio.Event()

    async def slow() -> None:
        calls.append(1)
        await enough.wait()

    async def quick() -> None:
        others.append(1)
        if calls and len(others) >= 5:
            enough.set()

    async with waking([Ring("slow", OFTEN, slow), Ring("quick", OFTEN, quick)]):
        await enough.wait()

    assert len(calls) == 1
    assert caplog.records == []


async def test_a_chore_that_fails_is_logged_and_rings_again(caplog: pytest.LogCaptureFixture) -> None:
    calls, again = [], asyncio.Event()

    async def work() -> None:
        calls.append(1)
        if len(calls) > 1:
            again.set()
            return
        raise ValueError("the first time")

    async with waking([Ring("faulty", OFTEN, work)]):
        await again.wait()

    assert [(record.levelname, record.chore) for record in caplog.records] == [("ERROR", "faulty")]  # type: ignore[attr-defined]


async def test_a_chore_that_waits_for_the_database_is_called_again_and_says_so_in_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = asyncio.Event()
    away = [StorageUnavailable("away")]

    async def work() -> None:
        if away:
            raise away.pop()
        done.set()

    async with waking([Ring("often", OFTEN, work)]):
        await done.wait()
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (warning.levelno, warning.exc_info) == (logging.WARNING, None)
