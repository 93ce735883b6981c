"""What the gate knows of chats, while several look at once."""

import asyncio
from pathlib import Path

from typing_extensions import override

from bot.chats import ChatStore, KnownChats
from bot.delivery.store import OutboxStore
from bot.jobs.store import JobStore
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.gate import Gate
from bot.sessions.store import SessionStore
from bot.storage.port import Storage
from bot.storage.sqlite import open_sqlite
from bot.tasks.store import TaskStore
from channels.clock import ManualClock

CHAT = ("telegram", "default", "-1")


class SlowStore(ChatStore):
    """Its first answer takes until `door` is open."""

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage, ManualClock())
        self.looked = asyncio.Event()
        self.door = asyncio.Event()

    @override
    async def known(self) -> KnownChats:
        found = await super().known()
        if not self.looked.is_set():
            self.looked.set()
            await self.door.wait()
        return found


async def test_gate_keeps_what_was_looked_for_last(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        clock, gate, chats = ManualClock(), Gate({}), SlowStore(storage)
        sessions, tasks, jobs = SessionStore(storage, clock), TaskStore(storage, clock), JobStore(storage, clock)
        changes = ChatChanges(chats, OutboxStore(storage, clock), sessions, tasks, jobs, gate)
        early = asyncio.create_task(changes.refresh())
        await chats.looked.wait()
        await storage.commit([chats.admit(CHAT, "owner")])
        await chats.known()  # from now on the database answers without a wait
        late = asyncio.create_task(changes.refresh())
        for _ in range(20):
            await asyncio.sleep(0)
        chats.door.set()
        await asyncio.gather(early, late)
    assert gate.chats.admitted == {CHAT}
