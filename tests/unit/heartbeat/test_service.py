"""The heartbeat over a real database, with an agent that says what it is told to."""

from collections.abc import AsyncIterator
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.agents.port import Answer, Turn
from bot.delivery.store import OutboxStore
from bot.heartbeat.checks import Rhythm
from bot.heartbeat.service import Heartbeat
from bot.pipeline.outgoing import Outgoing
from bot.storage.sqlite import open_sqlite
from channels.message import Destination
from tests.unit.delivery.test_worker import Post


class ScriptedAgent:
    id = "main"

    def __init__(self) -> None:
        self.says = "HEARTBEAT_OK"
        self.turns: list[Turn] = []

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        return Answer(self.says)


class Ward:
    def __init__(self, post: Post, folder: Path) -> None:
        self.post, self.agent, self.busy = post, ScriptedAgent(), False
        self.notes = folder / "HEARTBEAT.md"
        outgoing = Outgoing(OutboxStore(post.storage, post.clock), post.worker, post.clock)
        outgoing.opened("telegram", "default", post.channel)
        self.heartbeat = Heartbeat(
            storage=post.storage,
            clock=post.clock,
            agent_id="main",
            agent=self.agent,
            workspace=folder,
            rhythm=Rhythm(timedelta(hours=1), time(8), time(22), ZoneInfo("UTC")),
            destination=Destination("telegram", "default", "1"),
            language="en",
            outgoing=outgoing,
            user_waits=lambda: self.busy,
        )


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        yield Ward(Post(storage), tmp_path)


async def test_no_model_is_asked_while_a_check_fails(ward: Ward) -> None:
    reasons = [(await ward.heartbeat.beat()).reason]
    ward.notes.write_text("# Nothing\n", encoding="utf-8")
    reasons.append((await ward.heartbeat.beat()).reason)
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.busy = True
    reasons.append((await ward.heartbeat.beat()).reason)
    assert reasons == [
        "disabled (no HEARTBEAT.md)",
        "HEARTBEAT.md has no actionable content",
        "main lane busy (user message in progress)",
    ]
    assert ward.agent.turns == []


async def test_silence_is_not_sent_and_the_interval_holds(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    async with ward.post.worker.outlet("telegram", "default", ward.post.channel):
        assert (await ward.heartbeat.beat()).run
        assert (await ward.heartbeat.beat()).reason == "interval not elapsed"
        assert (await ward.heartbeat.beat(woken=True)).run
        await ward.post.settle()
    assert len(ward.agent.turns) == 2
    assert "look at the mail" in ward.agent.turns[0].text
    assert ward.post.texts == []


async def test_same_alert_is_told_once_a_day(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.agent.says = "The mail is full."
    async with ward.post.worker.outlet("telegram", "default", ward.post.channel):
        for hours in (0, 2, 23):
            await ward.post.clock.advance(hours * 3600)
            await ward.heartbeat.beat(woken=True)
            await ward.post.settle()
    assert ward.post.texts == ["The mail is full."] * 2
