"""Reminders that a model sets."""

from collections.abc import AsyncIterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.jobs.store import PER_USER, JobStore
from bot.storage.port import Storage
from bot.storage.sqlite import open_sqlite
from bot.tools.port import Tool, ToolFailed, ToolResult
from bot.tools.reminders import reminder_tools
from channels.clock import ManualClock
from tests.unit.tools.setting import principal

TAIPEI = ZoneInfo("Asia/Taipei")


class Calendar:
    """The tools, and how often somebody was told of a change."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.clock = ManualClock()
        self.jobs = JobStore(storage, self.clock)
        self.changes = 0
        tools = reminder_tools(
            self.jobs, self.clock, TAIPEI, self.changed, lambda language, text: f"{language}: {text}"
        )
        self.tools: dict[str, Tool] = {tool.spec.name: tool for tool in tools}

    def changed(self) -> None:
        self.changes += 1

    async def use(self, name: str, sender: str = "1", **arguments: object) -> ToolResult:
        """The result, after its effects."""
        result = await self.tools[name].run(arguments, principal(sender=sender))
        for effect in result.effects:
            await self.storage.commit(effect.statements)
            if effect.after is not None:
                effect.after()
        return result


@pytest.fixture
async def calendar(tmp_path: Path) -> AsyncIterator[Calendar]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        yield Calendar(storage)


async def test_reminder_is_set_in_the_zone_that_people_mean(calendar: Calendar) -> None:
    told = (await calendar.use("remind_set", text="call Bob\nabout it", when="at 2026-03-01T09:00")).text
    assert told.endswith("set for 2026-03-01 09:00 (Asia/Taipei)")
    (job,) = await calendar.jobs.of_chat(principal().place, 10)
    assert (job.request.name, job.request.text) == ("call Bob", "en: call Bob\nabout it")
    assert job.request.destination == principal().place
    assert calendar.changes == 1
    assert "call Bob (2026-03-01 09:00)" in (await calendar.use("remind_list")).text


@pytest.mark.parametrize("text", [" \n", "\n\u200b"])
async def test_reminder_of_nothing_is_refused(calendar: Calendar, text: str) -> None:
    with pytest.raises(ToolFailed, match="what to remind of"):
        await calendar.use("remind_set", text=text, when="every 30m")


async def test_nothing_is_set_before_the_turn_ends(calendar: Calendar) -> None:
    await calendar.tools["remind_set"].run({"text": "x", "when": "every 30m"}, principal())
    assert await calendar.jobs.of_chat(principal().place, 10) == []


@pytest.mark.parametrize("when", ["soon", "at 2020-01-01T09:00", "cron 0 0 31 2 *", "every 0m", ""])
async def test_time_that_never_comes_is_explained_to_the_model(calendar: Calendar, when: str) -> None:
    with pytest.raises(ToolFailed):
        await calendar.use("remind_set", text="x", when=when)


async def test_reminder_of_another_chat_is_neither_seen_nor_cancelled(calendar: Calendar) -> None:
    told = (await calendar.use("remind_set", text="secret", when="every 30m")).text
    job_id = told.partition(":")[0]
    assert (await calendar.use("remind_list", sender="2")).text == "there are no reminders"
    with pytest.raises(ToolFailed):
        await calendar.use("remind_cancel", sender="2", reminder=job_id)
    await calendar.use("remind_cancel", reminder=job_id)
    assert (await calendar.use("remind_list")).text == "there are no reminders"


async def test_person_with_too_many_reminders_is_told_whatever_the_chat(calendar: Calendar) -> None:
    for _ in range(PER_USER):
        await calendar.use("remind_set", text="x", when="every 30m")
    await calendar.storage.commit([calendar.jobs.chat_moved("telegram", "default", principal().place.chat, "-5")])
    assert await calendar.jobs.of_chat(principal().place, 10) == []
    with pytest.raises(ToolFailed, match="cancel one"):
        await calendar.use("remind_set", text="x", when="every 30m")
    await calendar.use("remind_set", sender="2", text="x", when="every 30m")
