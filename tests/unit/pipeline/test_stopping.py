"""A turn that is stopped ends alone: what waits behind it in the same conversation goes on."""

import asyncio
from pathlib import Path

import pytest

from bot import house
from bot.agents.echo import EchoAgent
from bot.agents.port import Answer, Turn
from tests.unit.torture.memory_platform import MemoryPlatform, Trap, live


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
