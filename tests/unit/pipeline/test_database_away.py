"""A database that cannot be read while a question is under way: it is waited for, as where it cannot be written."""

import asyncio
import time
from pathlib import Path

from typing_extensions import override

from bot.agents.port import Agent, Answer, Turn
from bot.storage.errors import StorageUnavailable
from channels.clock import ManualClock
from tests.patience import PATIENCE_SECONDS
from tests.unit.torture.memory_platform import MemoryChannel, MemoryPlatform, Trap, house_in


class Reader(Agent):
    """Finds the database away the first times that it reads."""

    id = "main"

    def __init__(self, times: int) -> None:
        self._times = times

    @override
    async def answer(self, turn: Turn) -> Answer:
        await turn.history(1)
        self._times -= 1
        if self._times >= 0:
            raise StorageUnavailable("the server is away")
        return Answer(f"{turn.text}!")


async def test_question_is_answered_once_the_database_is_back(tmp_path: Path) -> None:
    clock, platform = ManualClock(), MemoryPlatform()
    platform.say("1", "question")
    async with house_in(tmp_path, clock) as house:
        channel, inbox, worker = MemoryChannel(platform, Trap(), clock), house.stores.inbox, house.delivery.worker
        house.road.agents = {"main": Reader(3)}
        async with worker.outlet("telegram", "default", channel):
            (update,) = await inbox.store("telegram", "default", platform.waiting)
            house.road.take(update, channel, lambda: None)
            end = time.monotonic() + PATIENCE_SECONDS
            while not platform.shown:
                assert time.monotonic() < end, "waited for the answer"
                await clock.advance(0.5)
            await asyncio.wait_for(house.ground.lanes.wait_idle(), PATIENCE_SECONDS)
        (counted,) = await house.stores.storage.read("inbox.set_aside_count", {})
    assert [text for _, text, _ in platform.shown] == ["question!"]
    assert counted["set_aside"] == 0
