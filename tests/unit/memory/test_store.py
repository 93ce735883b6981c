"""Memory in a real database."""

import json
from collections.abc import AsyncIterator

import pytest

from bot.memory.store import MOST_READ, MemoryStore
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from channels.clock import ManualClock, SystemClock

ANN, BOB = "agent:main:telegram:direct:1", "agent:main:telegram:direct:2"


class Shelf:
    """A database with sessions and their memory."""

    def __init__(self, storage: Storage, clock: ManualClock) -> None:
        self.storage = storage
        self.clock = clock
        self.sessions = SessionStore(storage, clock)
        self.memory = MemoryStore(storage, clock)

    async def say(self, key: str, *texts: str, role: str = "user") -> None:
        records = [Record(role, text, self.clock.now(), {"sender": "Ann"}) for text in texts]  # type: ignore[arg-type]
        await self.storage.commit(self.sessions.append(Conversation(key), "main", records))

    async def note(self, key: str, text: str) -> None:
        await self.storage.commit(self.memory.note(key, text, "1"))

    async def recall(self, key: str, query: str, most: int = 5) -> list[str]:
        return [memory.text for memory in await self.memory.recall(key, query, most)]


@pytest.fixture
async def shelf(any_database: Database) -> AsyncIterator[Shelf]:
    async with open_storage(any_database, SystemClock()) as storage:
        yield Shelf(storage, ManualClock())


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("生日", "我的生日是五月四日"),
        ("五月四", "我的生日是五月四日"),
        ("貓", "她養了三隻貓"),
        ("三", "她養了三隻貓"),
        ("passport", "My Passport number ends with 77"),
        ("小狗的名字", "小狗叫做阿福"),
    ],
)
async def test_what_was_said_is_found_by_few_characters(shelf: Shelf, query: str, found: str) -> None:
    texts = ["我的生日是五月四日", "她養了三隻貓", "My Passport number ends with 77", "小狗叫做阿福", "今天天氣很好"]
    await shelf.say(ANN, *texts)
    assert (await shelf.recall(ANN, query))[0] == found


async def test_nobody_recalls_what_was_said_elsewhere(shelf: Shelf) -> None:
    await shelf.say(ANN, "我的密碼是 hunter2")
    await shelf.say(BOB, "你好")
    assert await shelf.recall(BOB, "密碼 hunter2") == []
    assert await shelf.recall("agent:main:telegram:direct:3", "密碼") == []


@pytest.mark.parametrize("query", ['"', "*", "scope:s1", "a OR b", "NEAR(a b)", "' --", "\x00", "", "。、", "\ud800"])
async def test_a_search_is_words_and_nothing_else(shelf: Shelf, query: str) -> None:
    await shelf.say(ANN, "hello")
    await shelf.say(BOB, "s1 near or not a b")
    assert await shelf.recall(ANN, query) == []


async def test_memory_outlives_a_fresh_conversation_and_its_archive(shelf: Shelf) -> None:
    await shelf.say(ANN, "我對花生過敏")
    await shelf.memory.catch_up()
    await shelf.storage.commit([shelf.sessions.close(ANN)])
    await shelf.say(ANN, "晚餐吃什麼")
    assert await shelf.recall(ANN, "過敏") == ["我對花生過敏"]


async def test_note_is_ranked_above_the_same_words_said(shelf: Shelf) -> None:
    await shelf.note(ANN, "Ann likes green tea")
    await shelf.say(ANN, "Ann likes green tea too")
    first, _second = await shelf.memory.recall(ANN, "green tea", 5)
    assert first.kind == "note"


async def test_rare_word_outweighs_many_frequent_ones(shelf: Shelf) -> None:
    await shelf.say(ANN, "zygote", *[f"we talk about the weather {number}" for number in range(300)])
    assert (await shelf.recall(ANN, "what about the zygote"))[0] == "zygote"


async def test_among_equals_the_newer_comes_first(shelf: Shelf) -> None:
    await shelf.say(ANN, "the door code is 1111")
    await shelf.clock.advance(90 * 86_400)
    await shelf.say(ANN, "the door code is 2222")
    assert await shelf.recall(ANN, "door code") == ["the door code is 2222", "the door code is 1111"]


async def test_forgotten_key_leaves_nothing_to_find(shelf: Shelf) -> None:
    await shelf.say(ANN, "secret plan")
    await shelf.note(ANN, "secret note")
    await shelf.memory.catch_up()
    await shelf.storage.commit([shelf.sessions.delete(ANN), shelf.memory.forget(ANN)])
    assert await shelf.recall(ANN, "secret") == []
    await shelf.say(ANN, "secret again")
    assert await shelf.recall(ANN, "secret") == ["secret again"]


async def test_note_is_forgotten_by_its_own_conversation_alone(shelf: Shelf) -> None:
    await shelf.note(ANN, "green tea")
    (note,) = await shelf.memory.recall(ANN, "tea", 5)
    assert not await shelf.memory.has_note(BOB, note.id)
    await shelf.storage.commit([shelf.memory.forget_note(BOB, note.id)])
    assert await shelf.recall(ANN, "tea") == ["green tea"]
    await shelf.storage.commit([shelf.memory.forget_note(ANN, note.id)])
    assert await shelf.recall(ANN, "tea") == []


async def test_messages_are_taken_in_once_however_many_there_are(shelf: Shelf) -> None:
    await shelf.say(ANN, *[f"number {number}" for number in range(2 * MOST_READ + 7)])
    other = MemoryStore(shelf.storage, shelf.clock)
    await shelf.memory.catch_up()
    await other.catch_up()
    await shelf.say(ANN, "number again", role="assistant")
    assert await shelf.recall(ANN, "again") == ["number again"]
    ids = json.dumps(list(range(4 * MOST_READ)))
    taken = await shelf.storage.read("memories.fetch", {"ids": ids})
    assert len(taken) == 2 * MOST_READ + 8


async def test_group_that_moved_keeps_its_memory(shelf: Shelf) -> None:
    old, new = "agent:main:telegram:group:-1", "agent:main:telegram:group:-1001"
    await shelf.say(old, "the picnic is on sunday")
    await shelf.say(new, "we bring cake")
    await shelf.memory.catch_up()
    await shelf.storage.commit(shelf.sessions.chat_moved("telegram", "-1", "-1001"))
    assert await shelf.recall(new, "picnic") == ["the picnic is on sunday"]
    assert await shelf.recall(new, "cake") == ["we bring cake"]
