"""An answer was being shown when the process died, and nobody answers the question any more."""

import asyncio
import time
from pathlib import Path
from typing import Final

import pytest
from typing_extensions import override

from bot.agents.port import Agent, Answer, Turn
from channels.clock import ManualClock
from channels.unfinished import SIGN
from tests.patience import PATIENCE_SECONDS
from tests.unit.torture.memory_platform import SETTINGS, MemoryPlatform, StreamingChannel, Trap, house_in, live

DISABLED: Final = SETTINGS.replace("dm_policy: open", "dm_policy: disabled")
PAIRING: Final = SETTINGS.replace("dm_policy: open", "dm_policy: pairing")
INTERRUPTED: Final = "處理途中被中斷了。"


async def break_off(folder: Path, platform: MemoryPlatform) -> None:
    """Leave what a process leaves that dies after it has shown two messages of its answer."""
    platform.say("1", "question")
    async with house_in(folder, ManualClock()) as house:
        (update,) = await house.stores.inbox.store("telegram", "default", platform.waiting)
        platform.acknowledged += 1
        platform.shown += [("1", f"the beginning {SIGN}", None), ("1", f"more {SIGN}", None)]
        names = [str(len(platform.shown) - 1), str(len(platform.shown))]
        await house.stores.storage.commit([house.stores.inbox.show(update, names)])


async def test_what_nobody_answers_any_more_is_ended_in_plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = MemoryPlatform(streams=True)
    await break_off(tmp_path, platform)
    rows = await live(tmp_path, platform, Trap(), monkeypatch, DISABLED)
    assert [text for _, text, _ in platform.shown] == [INTERRUPTED, ""], "the second message is taken away"
    assert {row["state"] for row in rows} == {"sent"}


async def test_who_is_asked_to_pair_sees_the_code_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = MemoryPlatform(streams=True)
    await break_off(tmp_path, platform)
    await live(tmp_path, platform, Trap(), monkeypatch, PAIRING)
    code, gone = [text for _, text, _ in platform.shown]
    assert "javis pairing approve" in code
    assert gone == ""


async def test_who_was_asked_to_pair_before_sees_it_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    platform = MemoryPlatform(streams=True)
    platform.say("1", "let me in")
    await live(tmp_path, platform, Trap(), monkeypatch, PAIRING)
    await break_off(tmp_path, platform)
    await live(tmp_path, platform, Trap(), monkeypatch, PAIRING)
    assert [text for _, text, _ in platform.shown[1:]] == [INTERRUPTED, ""]


async def test_who_is_refused_and_was_shown_nothing_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = MemoryPlatform(streams=True)
    platform.say("1", "question")
    await live(tmp_path, platform, Trap(), monkeypatch, DISABLED)
    assert platform.shown == []


class Thinker(Agent):
    """Never comes to an end."""

    id = "main"

    def __init__(self) -> None:
        self.thinks = asyncio.Event()

    @override
    async def answer(self, turn: Turn) -> Answer:
        self.thinks.set()
        await asyncio.Future()
        raise AssertionError("nobody lets it go")


class QuietChannel(StreamingChannel):
    """Shows no answer while it is written any more."""

    streams = False


async def test_a_stopped_turn_takes_away_what_an_earlier_process_showed_where_nothing_is_shown_now(
    tmp_path: Path,
) -> None:
    platform, clock, agent = MemoryPlatform(streams=True), ManualClock(), Thinker()
    await break_off(tmp_path, platform)
    async with house_in(tmp_path, clock) as house:
        inbox, channel, worker = house.stores.inbox, QuietChannel(platform, Trap(), clock), house.delivery.worker
        house.road.agents = {"main": agent}
        async with worker.outlet("telegram", "default", channel):
            (question,) = await inbox.waiting("telegram", "default", after=0, most=1)
            house.road.take(question, channel, lambda: None)
            await agent.thinks.wait()
            platform.say("1", "/cancel")
            (cancel,) = await inbox.store("telegram", "default", platform.waiting)
            house.road.take(cancel, channel, lambda: None)
            await house.ground.lanes.wait_idle()
            end = time.monotonic() + PATIENCE_SECONDS
            while len(platform.shown) < 3 or any(text for _, text, _ in platform.shown[:2]):
                assert time.monotonic() < end, f"waited for both to be taken away: {platform.shown}"
                await clock.advance(0.05)
    assert platform.shown[2][1].startswith("🛑")
