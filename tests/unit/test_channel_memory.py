"""The channels' memory in the database."""

from pathlib import Path

import pytest

from bot.channel_memory import ChannelMemory, remembering
from bot.inbox import InboxStore
from bot.storage.errors import StorageError
from bot.storage.port import Statement
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock
from channels.port import RawUpdate


async def test_what_was_remembered_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        memory = ChannelMemory(storage, "discord", "default")
        await memory.remember({"seen:1": "10", "seen:2": "20", "hash": "x"})
        await memory.remember({"seen:2": "21", "hash": ""})
    async with open_sqlite(tmp_path / "javis.db") as storage:
        assert await ChannelMemory(storage, "discord", "default").recall("seen:") == {"seen:1": "10", "seen:2": "21"}
        assert await ChannelMemory(storage, "discord", "default").recall("hash") == {}
        assert await ChannelMemory(storage, "discord", "other").recall("") == {}


async def test_it_shares_the_transaction_of_the_updates(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        inbox, memory = InboxStore(storage, ManualClock()), ChannelMemory(storage, "discord", "default")
        stored = await inbox.store(
            "discord", "default", [RawUpdate("1", "{}")], remembering("discord", "default", {"seen": "1"})
        )
        assert [update.update_id for update in stored] == ["1"]
        assert await memory.recall("seen") == {"seen": "1"}
        failing = [
            *remembering("discord", "default", {"seen": "2"}),
            Statement("inbox.begin", {"id": 99}, required=True),
        ]
        with pytest.raises(StorageError):
            await inbox.store("discord", "default", [RawUpdate("2", "{}")], failing)
        assert await memory.recall("seen") == {"seen": "1"}
