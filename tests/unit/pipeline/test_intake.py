"""The intake: what is stored too late for its platform is closed, never answered."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from typing_extensions import override

from bot.inbox import InboxStore, StoredUpdate
from bot.pipeline.intake import Intake
from bot.storage.opening import Database, open_storage
from bot.storage.port import Statement, Storage
from channels.clock import ManualClock, SystemClock
from channels.message import JsonObject
from channels.port import RawUpdate, Suggestion
from channels.testing import eventually
from tests.patience import PATIENCE_SECONDS


class SlowStore(InboxStore):
    """Commits only when the test says so."""

    def __init__(self, storage: Storage, clock: ManualClock) -> None:
        super().__init__(storage, clock)
        self.disk = asyncio.Event()
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.hide: list[StoredUpdate] = []

    @override
    async def waiting(self, channel: str, account: str, *, after: int, most: int) -> list[StoredUpdate]:
        rows = await super().waiting(channel, account, after=after, most=most)
        await self.may_read.wait()
        hidden = {row.id for row in self.hide}
        return [row for row in rows if row.id not in hidden]

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
async def setting(any_database: Database) -> AsyncIterator[Setting]:
    async with open_storage(any_database, SystemClock()) as storage:
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
        async with asyncio.timeout(PATIENCE_SECONDS):
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


async def test_what_comes_while_the_disk_is_read_does_not_overtake_what_waits_there(setting: Setting) -> None:
    setting.store.disk.set()
    await setting.intake.store([RawUpdate("1", "{}"), RawUpdate("2", "{}")])  # and then the process dies
    again = setting.again()
    setting.store.may_read.clear()
    async with running(again):
        await asyncio.sleep(0)
        await again.store([RawUpdate("3", "{}")])
        setting.store.may_read.set()
        await eventually(lambda: len(setting.taken) == 3)
    assert setting.taken == ["1", "2", "3"]


async def test_a_commit_of_a_dead_process_that_shows_itself_late_is_taken_too(setting: Setting) -> None:
    """PostgreSQL ends a commit that was on its way although nobody waits for it any more."""
    setting.store.disk.set()
    dead = InboxStore(setting.storage, setting.clock)
    late = setting.store.hide = await dead.store("discord", "default", [RawUpdate("1", "{}")])
    assert late
    async with running(setting.intake):
        await setting.intake.store([RawUpdate("2", "{}")])
        await eventually(lambda: setting.taken == ["2"])
        setting.store.hide = []  # its rows become visible below those that were taken
        await setting.intake.store([RawUpdate("1", "{}")])  # nobody acknowledged it, so it is sent again
        await eventually(lambda: setting.taken == ["2", "1"])
        await setting.intake.store([RawUpdate("1", "{}"), RawUpdate("2", "{}"), RawUpdate("3", "{}")])
        await eventually(lambda: len(setting.taken) == 3)
    assert setting.taken == ["2", "1", "3"]
