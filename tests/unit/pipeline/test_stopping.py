"""Turns that are stopped, by a person or with the bot: nothing else suffers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import house
from bot.agents.echo import EchoAgent
from bot.agents.port import Answer, Turn
from bot.pipeline.suspects import MOST_BEGUN_AGAIN
from channels.clock import ManualClock
from channels.port import Channel
from tests.patience import PATIENCE_SECONDS
from tests.unit.torture.memory_platform import MemoryChannel, MemoryPlatform, Trap, host_of, house_in, live


@pytest.mark.parametrize("swallows", [False, True])
async def test_stopped_turn_says_nothing_and_the_next_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, swallows: bool
) -> None:
    answer = EchoAgent.answer

    async def thinks(agent: EchoAgent, turn: Turn) -> Answer:
        if turn.text == "long":
            try:
                await asyncio.Future()
            except asyncio.CancelledError:
                if not swallows:
                    raise
        task = asyncio.current_task()
        assert task is not None
        assert turn.text == "long" or not task.cancelling()
        return await answer(agent, turn)

    monkeypatch.setattr(EchoAgent, "answer", thinks)
    monkeypatch.setattr(house, "TURNS_AT_ONCE", 1)  # commands wait for none of the turns' places
    platform = MemoryPlatform()
    for text in ("long", "/cancel", "next"):
        platform.say("1", text)
    await live(tmp_path, platform, Trap(), monkeypatch)
    said = [text for _, text, _ in platform.shown]
    assert [text for text in said if "long" in text] == (["long"] if swallows else [])
    assert sum("🛑" in text for text in said) == 1
    assert said[-1] == "next"


async def test_question_under_way_at_many_stops_in_good_order_is_answered_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thinking = asyncio.Event()

    async def thinks(_agent: EchoAgent, _turn: Turn) -> Answer:
        thinking.set()
        return await asyncio.Future()

    platform, clock = MemoryPlatform(), ManualClock()
    platform.say("1", "a question")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Channel]:
        yield MemoryChannel(platform, Trap(), clock)

    with monkeypatch.context() as patched:
        patched.setattr(EchoAgent, "answer", thinks)
        for _ in range(2 + MOST_BEGUN_AGAIN):
            thinking.clear()
            async with house_in(tmp_path, clock) as house, house.ground.lanes.open(grace_seconds=0):
                hosting = asyncio.create_task(host_of(house, opened).run())
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await thinking.wait()
            hosting.cancel()
            await asyncio.gather(hosting, return_exceptions=True)
    await live(tmp_path, platform, Trap(), monkeypatch)
    assert platform.shown == [("1", "a question", None)]
