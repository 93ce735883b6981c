"""The channels' memory in the database."""

import pytest

from bot.channel_memory import ChannelMemory, remembering
from bot.inbox import InboxStore
from bot.storage.errors import StorageError
from bot.storage.opening import Database, open_storage
from bot.storage.port import Statement
from channels.clock import ManualClock, SystemClock
from channels.port import RawUpdate


async def test_what_was_remembered_is_there_after_a_restart(any_database: Database) -> None:
    async with open_storage(any_database, SystemClock()) as storage:
        memory = ChannelMemory(storage, "discord", "default")
        await memory.remember({"seen:1": "10", "seen:2": "20", "hash": "x"})
        await memory.remember({"seen:2": "21", "hash": ""})
    async with open_storage(any_database, SystemClock()) as storage:
        assert await ChannelMemory(storage, "discord", "default").recall("seen:") == {"seen:1": "10", "seen:2": "21"}
        assert await ChannelMemory(storage, "discord", "default").recall("hash") == {}
        assert await ChannelMemory(storage, "discord", "other").recall("") == {}


async def test_it_shares_the_transaction_of_the_updates(any_database: Database) -> None:
    async with open_storage(any_database, SystemClock()) as storage:
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
