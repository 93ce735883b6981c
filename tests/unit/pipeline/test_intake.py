"""The intake: what is stored too late for its platform is closed, never answered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from bot.inbox import InboxStore, StoredUpdate
from bot.pipeline.intake import Intake
from bot.storage.port import Statement, Storage
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock
from channels.message import JsonObject
from channels.port import RawUpdate, Suggestion
from channels.testing import eventually


class SlowStore(InboxStore):
    """Commits only when the test says so."""

    def __init__(self, storage: Storage, clock: ManualClock) -> None:
        super().__init__(storage, clock)
        self.disk = asyncio.Event()

    @override
    async def store(
        self, channel: str, account: str, updates: Sequence[RawUpdate], also: Sequence[Statement] = ()
    ) -> list[StoredUpdate]:
        await self.disk.wait()
        return await super().store(channel, account, updates, also)


class Setting:
    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.clock = ManualClock()
        self.store = SlowStore(storage, self.clock)
        self.taken: list[str] = []
        self.intake = self.again()

    def again(self) -> Intake:
        """As after a restart."""
        return Intake(
            "discord", "default", self.store, self.clock, lambda update: self.taken.append(update.update_id), _nothing
        )


async def _nothing(_raw: JsonObject, _command: str, _typed: str) -> Sequence[Suggestion]:
    return ()


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        yield Setting(storage)


@asynccontextmanager
async def running(intake: Intake) -> AsyncIterator[None]:
    task = asyncio.create_task(intake.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def waiting(setting: Setting) -> list[str]:
    return [row.update_id for row in await setting.store.waiting("discord", "default", after=0, most=10)]


async def test_what_is_stored_in_time_is_taken(setting: Setting) -> None:
    setting.store.disk.set()
    async with running(setting.intake):
        await setting.intake.store([RawUpdate("1", "{}")], within_seconds=1.5)
        await eventually(lambda: setting.taken == ["1"])


async def test_what_is_stored_too_late_is_closed_and_not_taken_after_a_restart(setting: Setting) -> None:
    async with running(setting.intake):
        storing = asyncio.create_task(setting.intake.store([RawUpdate("1", "{}")], within_seconds=1.5))
        await setting.clock.advance(1.6)
        with pytest.raises(TimeoutError):
            await storing
        setting.store.disk.set()
        await setting.intake.store([RawUpdate("2", "{}")])
        await eventually(lambda: setting.taken == ["2"])
        async with asyncio.timeout(20):
            while await waiting(setting) != ["2"]:
                await asyncio.sleep(0)
    setting.taken.clear()
    async with running(setting.again()):
        await eventually(lambda: bool(setting.taken))
    assert setting.taken == ["2"]


async def test_a_row_that_waits_on_disk_is_not_read_before_what_is_late_is_closed(setting: Setting) -> None:
    """Between the late commit and its closing the row looks like any other."""
    storing = asyncio.create_task(setting.intake.store([RawUpdate("1", "{}")], within_seconds=1.5))
    await setting.clock.advance(1.6)
    with pytest.raises(TimeoutError):
        await storing
    setting.store.disk.set()
    while await waiting(setting) != ["1"]:
        await asyncio.sleep(0)
    async with running(setting.intake):
        while await waiting(setting):
            await asyncio.sleep(0)
    assert setting.taken == []
