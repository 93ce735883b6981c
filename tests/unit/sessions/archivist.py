"""Sessions, their archive and a clock, over a real database."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from bot.sessions.archive import Archive
from bot.sessions.exchange import Importer
from bot.sessions.store import Session, SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.port import Storage
from channels.clock import ManualClock

KEY = "agent:main:telegram:direct:5"


class Archivist:
    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage = storage
        self.clock = ManualClock()
        self.folder = folder
        self.sessions = SessionStore(storage, self.clock)
        self.archive = self.new_archive()
        self.importer = Importer(storage, self.sessions, self.clock)

    def new_archive(self) -> Archive:
        """As after a restart."""
        return Archive(self.storage, self.sessions, self.clock, self.folder, timedelta(days=30))

    async def say(self, *texts: str, key: str = KEY) -> None:
        records = [Record("user", text, self.clock.now(), {"sender": "Ann"}) for text in texts]
        await self.storage.commit(self.sessions.append(Conversation(key), "main", records))

    async def close(self, key: str = KEY) -> Session:
        await self.storage.commit([self.sessions.close(key)])
        return (await self.sessions.of_key(key))[0]

    async def texts(self, key: str = KEY) -> list[str]:
        """What the open session holds."""
        return [record.content for record in await self.sessions.history(key, 10_000)]

    async def states(self, key: str = KEY) -> Sequence[str]:
        return [session.state for session in await self.sessions.of_key(key)]

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []
