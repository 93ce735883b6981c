"""The heartbeat over a real database, with an agent that says what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.agents.port import Answer, Turn
from bot.delivery.store import OutboxStore
from bot.heartbeat.checks import Rhythm, Verdict
from bot.heartbeat.plan import Plan
from bot.heartbeat.store import HeartbeatStore
from bot.pipeline.outgoing import Outgoing
from bot.schedules.heartbeat import Heartbeats
from bot.sessions.lanes import Lanes
from bot.storage.sqlite import open_sqlite
from bot.tools.port import Effect
from channels.clock import ManualClock
from channels.errors import Refused
from channels.message import Destination
from tests.patience import PATIENCE_SECONDS
from tests.unit.delivery.setting import Post

NEW_YORK = ZoneInfo("America/New_York")


class ScriptedAgent:
    id = "main"

    def __init__(self) -> None:
        self.says = "HEARTBEAT_OK"
        self.turns: list[Turn] = []
        self.effects: list[Effect] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        await self.may_answer.wait()
        return Answer(self.says, effects=self.effects)


class Ward:
    def __init__(self, post: Post, folder: Path, zone: ZoneInfo) -> None:
        self.post, self.agent, self.lanes = post, ScriptedAgent(), Lanes(10)
        self.notes = folder / "HEARTBEAT.md"
        self.store = HeartbeatStore(post.storage, post.clock)
        outgoing = Outgoing(OutboxStore(post.storage, post.clock), post.worker, post.clock)
        outgoing.opened("telegram", "default", post.channel)
        rhythm = Rhythm(timedelta(hours=1), time(8), time(22), zone)
        self.plan = Plan("main", folder, rhythm, Destination("telegram", "default", "1"))
        self.heartbeats = Heartbeats(
            storage=post.storage,
            store=self.store,
            clock=post.clock,
            lanes=self.lanes,
            outgoing=outgoing,
            language="en",
            plans=lambda: [self.plan],
            agents=lambda: {"main": self.agent},
            is_owner=lambda channel, sender: (channel, sender) == ("telegram", "1"),
        )

    async def wake(self) -> Verdict:
        found = await self.heartbeats.wake()
        await self.settle()
        return found["main"]

    async def beat(self) -> None:
        await self.heartbeats.beat()
        await self.settle()

    async def reason(self) -> str | None:
        return (await self.heartbeats.look())["main"].reason

    async def settle(self) -> None:
        await self.lanes.wait_idle()
        await self.post.settle()


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        post = Post(storage)
        async with post.worker.outlet("telegram", "default", post.channel):
            yield Ward(post, tmp_path, ZoneInfo("UTC"))


async def test_no_model_is_asked_while_a_check_fails(ward: Ward) -> None:
    reasons = [await ward.reason()]
    ward.notes.write_text("# Nothing\n", encoding="utf-8")
    reasons.append((await ward.wake()).reason)
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    user_done = asyncio.Event()
    ward.lanes.submit("agent:main:telegram:direct:1", lambda: _wait(user_done))
    reasons.append((await ward.heartbeats.wake())["main"].reason)
    assert ward.agent.turns == []
    user_done.set()
    await ward.lanes.wait_idle()
    ward.agent.may_answer.clear()
    await ward.heartbeats.beat()
    reasons.append((await ward.heartbeats.wake())["main"].reason)
    ward.agent.may_answer.set()
    await ward.settle()
    assert reasons == [
        "disabled (no HEARTBEAT.md)",
        "HEARTBEAT.md has no actionable content",
        "main lane busy (user message in progress)",
        "heartbeat already running",
    ]
    assert len(ward.agent.turns) == 1


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_who_speaks_while_a_heartbeat_runs_is_not_kept_waiting(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.agent.may_answer.clear()
    await ward.heartbeats.beat()
    spoken = asyncio.Event()

    async def turn() -> None:
        spoken.set()

    ward.lanes.submit("agent:main:telegram:direct:1", turn)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await spoken.wait()
    ward.agent.may_answer.set()
    await ward.settle()


async def test_heartbeat_whose_process_died_runs_once_more_and_then_waits_for_its_time(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.agent.says = "The mail is full."
    dead = ward.store.begin("main")  # what a process did that died in the answer
    await ward.post.storage.commit([dead])
    assert await ward.reason() == "interval not elapsed"
    await ward.heartbeats.recover()
    await ward.beat()
    assert ward.post.texts == ["The mail is full."]
    await ward.heartbeats.recover()
    await ward.beat()
    assert len(ward.agent.turns) == 1
    for _ in range(2):
        await ward.post.storage.commit([dead])
        await ward.heartbeats.recover()
    await ward.beat()
    assert len(ward.agent.turns) == 1


@pytest.mark.parametrize(("chat", "audience"), [("1", "owner"), ("2", "group"), (None, None)])
async def test_an_agent_has_the_tools_of_whoever_hears_its_alerts(
    ward: Ward, chat: str | None, audience: str | None
) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.plan = replace(ward.plan, destination=None if chat is None else Destination("telegram", "default", chat))
    done: list[str] = []
    ward.agent.effects = [Effect([ward.store.wish("noted")], lambda: done.append("after"))]
    await ward.beat()
    (turn,) = ward.agent.turns
    assert (turn.principal and turn.principal.audience) == audience
    assert done == ["after"]
    assert await ward.store.wishes() == ["noted"]


async def test_silence_is_not_sent_and_the_interval_holds(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    await ward.beat()
    assert await ward.reason() == "interval not elapsed"
    await ward.beat()
    assert (await ward.wake()).run
    assert len(ward.agent.turns) == 2
    assert "look at the mail" in ward.agent.turns[0].text
    assert list(await ward.agent.turns[0].history(10)) == []
    assert ward.post.texts == []


async def test_same_alert_is_told_once_a_day(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.agent.says = "The mail is full."
    for hours in (0, 2, 23):
        await ward.post.clock.advance(hours * 3600)
        await ward.wake()
    assert ward.post.texts == ["The mail is full."] * 2


async def test_an_alert_that_did_not_arrive_is_told_again(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.agent.says = "The mail is full."
    ward.post.channel.failures["The mail is full."] = [Refused("no such chat")]
    await ward.wake()
    assert ward.post.texts == []
    await ward.post.clock.advance(60)
    await ward.wake()
    assert ward.post.texts == ["The mail is full."]


async def test_of_two_that_wake_it_at_once_one_is_told_that_it_runs_already(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    found = await asyncio.gather(ward.heartbeats.wake(), ward.heartbeats.wake())
    await ward.settle()
    assert {each["main"].reason for each in found} == {None, "heartbeat already running"}
    assert len(ward.agent.turns) == 1


async def test_an_alert_on_its_way_is_not_queued_again(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    ward.agent.says = "The mail is full."
    ward.post.channel.turn.clear()
    for _ in range(2):
        await ward.heartbeats.wake()
        await ward.lanes.wait_idle()
        await ward.post.clock.advance(60)
    ward.post.channel.turn.set()
    await ward.settle()
    assert len(ward.agent.turns) == 2
    assert ward.post.texts == ["The mail is full."]


async def test_a_wish_from_beside_the_running_bot_is_granted_and_answered(ward: Ward) -> None:
    await ward.post.storage.commit([ward.store.wish("main"), ward.store.wish("nobody")])
    await ward.heartbeats.grant_wishes()
    assert await ward.store.answered("main") == (True, "disabled (no HEARTBEAT.md)")
    assert await ward.store.answered("nobody") == (True, "no such heartbeat")
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    await ward.post.storage.commit([ward.store.wish("main")])
    assert await ward.store.answered("main") == (False, None)
    await ward.heartbeats.grant_wishes()
    await ward.settle()
    assert await ward.store.answered("main") == (True, None)
    assert len(ward.agent.turns) == 1
    await ward.post.storage.commit([ward.store.wish("main")])
    await ward.post.clock.advance(60)
    assert await ward.store.wishes() == []


@pytest.mark.parametrize("start", [datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 10, 20, tzinfo=UTC)])
async def test_a_month_with_a_change_of_the_clocks(tmp_path: Path, start: datetime) -> None:
    """Every tick: it runs when and only when all six hold; each alert once a day; nothing is asked otherwise."""
    async with open_sqlite(tmp_path / "javis.db") as storage:
        post = Post(storage, ManualClock(start))
        async with post.worker.outlet("telegram", "default", post.channel):
            ward = Ward(post, tmp_path, NEW_YORK)
            ward.agent.says = "The mail is full."
            last: datetime | None = None
            running = False
            for tick in range(31 * 24 * 3):
                now, asked = post.clock.now(), len(ward.agent.turns)
                woken, held = tick % 13 == 5, tick % 50 in range(10, 16)
                speaking = tick % 7 == 3 and not held
                _write_notes(ward, tick)
                done = asyncio.Event()
                if held:
                    ward.agent.may_answer.clear()
                else:
                    ward.agent.may_answer.set()
                    await ward.settle()
                    running = False
                    lane = "telegram:direct:1" if speaking else "cron:job-1"
                    ward.lanes.submit(f"agent:main:{lane}", partial(_wait, done))
                await (ward.heartbeats.wake() if woken else ward.heartbeats.beat())
                due = woken or last is None or now - last >= timedelta(hours=1)
                active = 8 <= now.astimezone(NEW_YORK).hour < 22
                expected = tick % 300 < 220 and due and active and not speaking and not running
                done.set()
                while expected and len(ward.agent.turns) == asked:
                    await asyncio.sleep(0)
                if not held:
                    await ward.settle()
                assert len(ward.agent.turns) - asked == int(expected), now
                last = now if expected else last
                running = held and (running or expected)
                await post.clock.advance(1200)
            moments = sorted(item.created for item in await post.store.newest("sent", 999))
            assert len(moments) > 20
            assert all(later - earlier >= timedelta(hours=24) for earlier, later in pairwise(moments))


def _write_notes(ward: Ward, tick: int) -> None:
    """Something to do, then nothing, then no file."""
    if tick % 300 >= 260:
        ward.notes.unlink(missing_ok=True)
    else:
        ward.notes.write_text("- look at the mail\n" if tick % 300 < 220 else "# Nothing\n", encoding="utf-8")


async def test_machine_that_does_not_hold_the_chat_leaves_the_heartbeat_to_the_one_that_does(ward: Ward) -> None:
    ward.notes.write_text("- look at the mail\n", encoding="utf-8")
    await ward.post.storage.commit([ward.store.wish("main")])
    ward.heartbeats.speaks_here = lambda destination: destination is None
    await ward.beat()
    await ward.heartbeats.grant_wishes()
    assert ward.agent.turns == []
    assert await ward.store.wishes() == ["main"]
    ward.heartbeats.speaks_here = lambda _: True
    await ward.heartbeats.grant_wishes()
    await ward.settle()
    assert len(ward.agent.turns) == 1
    assert await ward.store.wishes() == []
