"""Where something belongs that was said before its session ended, on both databases."""

from collections.abc import Sequence
from datetime import timedelta

from bot.sessions.transcript import Conversation, Record
from tests.unit.sessions.archivist import KEY, Archivist

GROUP, MOVED = "agent:main:telegram:group:-1", "agent:main:telegram:group:-2"


async def write(archivist: Archivist, conversation: Conversation, *texts: str) -> None:
    records = [Record("user", text, archivist.clock.now()) for text in texts]
    await archivist.storage.commit(archivist.sessions.append(conversation, "main", records))


async def read(archivist: Archivist, conversation: Conversation) -> Sequence[str]:
    return [record.content for record in await archivist.sessions.recall(conversation, 10)]


async def test_what_was_said_before_an_end_is_written_and_read_there(archivist: Archivist) -> None:
    early, last = archivist.sessions.current(KEY), archivist.sessions.current(KEY)
    await archivist.storage.commit([await archivist.sessions.end(KEY)])
    fresh = archivist.sessions.current(KEY)
    await write(archivist, fresh, "fresh")
    await write(archivist, early, "a", "b")
    assert await read(archivist, last) == ["a", "b"]
    await write(archivist, last, "c")
    assert await archivist.texts() == ["fresh"]
    assert [session.messages for session in await archivist.sessions.of_key(KEY)] == [1, 3]


async def test_an_end_without_anything_under_way_opens_nothing(archivist: Archivist) -> None:
    await archivist.storage.commit([await archivist.sessions.end(KEY)])
    assert await archivist.states() == []


async def test_what_comes_behind_a_file_goes_to_a_file_of_its_own(archivist: Archivist) -> None:
    await archivist.say("a")
    late = archivist.sessions.current(KEY)
    assert await read(archivist, late) == ["a"]
    await archivist.archive.store(await archivist.close())
    await archivist.say("fresh")
    await write(archivist, late, "b", "c")
    assert await archivist.states() == ["closed", "open", "archived"]
    await archivist.clock.advance(timedelta(hours=2).total_seconds())
    await archivist.archive.sweep()
    assert await archivist.states() == ["archived", "open", "archived"]
    assert await archivist.texts() == ["fresh"]
    newest, *_ = await archivist.sessions.of_key(KEY)
    assert [line.record.content for line in await archivist.archive.read(newest)] == ["b", "c"]


async def test_nothing_is_kept_of_what_was_deleted(archivist: Archivist) -> None:
    await archivist.say("a")
    gone = archivist.sessions.current(KEY)
    assert await read(archivist, gone) == ["a"]
    await archivist.storage.commit([archivist.sessions.delete(KEY)])
    await archivist.say("fresh")
    await write(archivist, gone, "b")
    assert await archivist.texts() == ["fresh"]


async def test_what_was_said_in_a_session_that_joined_another_goes_along(archivist: Archivist) -> None:
    await archivist.say("a", key=GROUP)
    await archivist.say("b", key=MOVED)
    before, after = archivist.sessions.current(GROUP), archivist.sessions.current(MOVED)
    assert [await read(archivist, each) for each in (before, after)] == [["a"], ["b"]]
    await archivist.storage.commit(archivist.sessions.chat_moved("telegram", "-1", "-2"))
    await write(archivist, before, "c")
    await write(archivist, after, "d")
    assert await archivist.texts(MOVED) == ["a", "b", "c", "d"]
    assert [session.messages for session in await archivist.sessions.of_key(MOVED)] == [4]
