"""What was said while nobody listened is fetched, once, in order, before anything newer."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from discord.utils import time_snowflake
from typing_extensions import override

from channels.discord.catchup import TRIES, CatchUp
from channels.discord.cursors import DISORDER, Cursors
from channels.discord.http import DiscordHttp
from channels.discord.places import Places
from channels.discord.reading import Reader
from channels.message import InboundMessage
from channels.port import Channel, RawUpdate
from channels.testing import MemoryInbox, eventually
from tests.unit.discord.server import Setting, body, guild, refusal, slow_down
from tests.unit.discord.setting import (
    AUTHOR,
    BOT,
    CHANNEL,
    DIRECT,
    GUILD,
    ROLE,
    THREAD,
    USER,
    direct_message,
    message,
)

HISTORY = f"GET /channels/{CHANNEL}/messages"
MEMBER = f"GET /guilds/{GUILD}/members/{USER}"


def at(setting: Setting, number: int) -> str:
    """The id of the `number`th message of this moment."""
    return str(time_snowflake(setting.clock.now()) + number)


def fetched(data: dict[str, Any]) -> dict[str, Any]:
    """As GET gives it: without its server and its author's roles."""
    return {name: value for name, value in data.items() if name not in {"guild_id", "member"}}


def parsed(channel: Channel, inbox: MemoryInbox) -> list[InboundMessage]:
    messages = [channel.parse(json.loads(update.raw)) for update in inbox.stored.values()]
    return [each for each in messages if isinstance(each, InboundMessage)]


async def hear_one(setting: Setting, data: dict[str, Any]) -> MemoryInbox:
    """A first life of the bot, in which it stored `data`."""
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", data)
        await eventually(lambda: bool(inbox.stored))
    return inbox


async def test_missed_messages_come_before_fresh_ones(setting: Setting) -> None:
    await hear_one(setting, message("one", id=at(setting, 1)))
    two, three = message("two", id=at(setting, 2)), message("three", id=at(setting, 3))
    setting.server.script[HISTORY].append(body([fetched(three), fetched(two)]))  # the newest first, as Discord does
    setting.server.script[MEMBER].append(body({"user": AUTHOR, "roles": [ROLE], "nick": "明"}))
    setting.server.guilds = [guild(last_message_id=three["id"], threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2) as channel:
        await setting.server.dispatch("MESSAGE_CREATE", message("four", id=at(setting, 4)))
        await eventually(lambda: len(inbox.stored) == 3)
        said = parsed(channel, inbox)
    assert [each.text for each in said] == ["two", "three", "four"]
    assert setting.server.calls_of(HISTORY)[0]["after"] == at(setting, 1)
    assert said[0].address == said[2].address, "server and roles were completed"
    assert len(setting.server.calls_of(MEMBER)) == 1


async def test_a_thread_is_caught_up_inside_its_channel(setting: Setting) -> None:
    await hear_one(setting, message("one", id=at(setting, 1), channel_id=THREAD))
    missed = fetched(message("two", id=at(setting, 2), channel_id=THREAD))
    setting.server.script[f"GET /channels/{THREAD}/messages"].append(body([missed]))
    setting.server.guilds[0]["threads"][0]["last_message_id"] = missed["id"]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2) as channel:
        await eventually(lambda: bool(inbox.stored))
        (said,) = parsed(channel, inbox)
    assert (said.address.peer.id, said.address.thread) == (CHANNEL, THREAD)


async def test_first_message_of_a_direct_chat_brings_what_was_said_there_before(setting: Setting) -> None:
    missed, fresh = direct_message("one", id=at(setting, 1)), direct_message("two", id=at(setting, 2))
    history = f"GET /channels/{DIRECT}/messages"
    setting.server.script[history].append(body([fresh, missed]))  # said while nobody listened, and in no list
    inbox = setting.inbox()
    async with setting.listening(inbox) as channel:
        await setting.server.dispatch("MESSAGE_CREATE", fresh)
        await eventually(lambda: len(inbox.stored) == 2)
        await setting.server.dispatch("MESSAGE_CREATE", direct_message("three", id=at(setting, 3)))
        await eventually(lambda: len(inbox.stored) == 3)
        assert [each.text for each in parsed(channel, inbox)] == ["one", "two", "three"]
    assert len(setting.server.calls_of(history)) == 1


async def test_direct_chats_are_remembered_and_caught_up(setting: Setting) -> None:
    await hear_one(setting, direct_message("one", id=at(setting, 1)))
    missed = direct_message("two", id=at(setting, 2))
    setting.server.script[f"GET /channels/{DIRECT}/messages"].append(body([missed]))
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2) as channel:
        await eventually(lambda: bool(inbox.stored))
        (said,) = parsed(channel, inbox)
    assert said.address.peer.kind == "direct"


async def test_a_channel_that_was_silent_is_not_asked(setting: Setting) -> None:
    await hear_one(setting, message("one", id=at(setting, 1)))
    setting.server.guilds = [guild(last_message_id=at(setting, 1), threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2):
        await setting.server.dispatch("MESSAGE_CREATE", message("two", id=at(setting, 2)))
        await eventually(lambda: bool(inbox.stored))
    assert setting.server.calls_of(HISTORY) == []


async def test_a_channel_without_a_cursor_is_read_from_the_mark(setting: Setting) -> None:
    """Its first message ever came while the bot was down."""
    await hear_one(setting, message("one", id=at(setting, 1), channel_id=THREAD))
    await setting.clock.advance(600)
    missed = message("two", id=at(setting, 2))
    setting.server.script[HISTORY].append(body([fetched(missed)]))
    setting.server.guilds = [guild(last_message_id=missed["id"], threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2):
        await eventually(lambda: bool(inbox.stored))
    assert list(inbox.stored) == [f"message-{missed['id']}"]


async def test_before_its_first_start_the_bot_missed_nothing(setting: Setting) -> None:
    old = str(time_snowflake(setting.clock.now()) - (3600_000 << 22))
    setting.server.guilds = [guild(last_message_id=old, threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", message(id=at(setting, 1)))
        await eventually(lambda: bool(inbox.stored))
    assert setting.server.calls_of(HISTORY) == []


async def test_no_more_than_a_day_is_caught_up(setting: Setting) -> None:
    await hear_one(setting, message("one", id=at(setting, 1)))
    await setting.clock.advance(3 * 86_400)
    setting.server.guilds = [guild(last_message_id=at(setting, 2), threads=[])]
    async with setting.listening(setting.inbox(), sessions=2):
        await eventually(lambda: bool(setting.server.calls_of(HISTORY)))
    (query,) = setting.server.calls_of(HISTORY)
    assert int(query["after"]) == time_snowflake(setting.clock.now()) - (86_400_000 << 22)


async def test_many_missed_messages_come_page_by_page(setting: Setting) -> None:
    await hear_one(setting, message("one", id=at(setting, 1)))
    other_bot = {"id": "7", "username": "x", "bot": True}
    missed = [fetched(message(f"{n}", id=at(setting, n), author=other_bot)) for n in range(2, 202)]
    pages = [missed[:100], missed[100:]]
    setting.server.script[HISTORY].extend([body(page[::-1]) for page in pages])
    setting.server.guilds = [guild(last_message_id=at(setting, 300), threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2):
        await eventually(lambda: len(setting.server.calls_of(HISTORY)) == 3)
    assert [query["after"] for query in setting.server.calls_of(HISTORY)] == [at(setting, n) for n in (1, 101, 201)]
    assert len(inbox.stored) == 200


@pytest.mark.parametrize("trouble", [slow_down(5), body(b"", 502)])
async def test_trouble_while_catching_up_is_waited_out(setting: Setting, trouble: Any) -> None:
    await hear_one(setting, message("one", id=at(setting, 1)))
    missed = message("two", id=at(setting, 2))
    setting.server.script[HISTORY].extend([trouble, body([fetched(missed)])])
    setting.server.guilds = [guild(last_message_id=missed["id"], threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2):
        await setting.until(lambda: bool(inbox.stored))
    assert list(inbox.stored) == [f"message-{missed['id']}"]


async def test_a_chat_that_cannot_be_read_for_long_keeps_its_place(setting: Setting) -> None:
    one, two, three = (message(text, id=at(setting, n)) for n, text in enumerate(("one", "two", "three"), 1))
    await hear_one(setting, one)
    setting.server.script[HISTORY].extend([body(b"", 502)] * (TRIES + 1))
    setting.server.script[HISTORY].append(body([fetched(three), fetched(two)]))
    setting.server.guilds = [guild(last_message_id=two["id"], threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2) as channel:
        await setting.server.dispatch("MESSAGE_CREATE", three)
        await setting.server.dispatch("MESSAGE_CREATE", direct_message("elsewhere", id=at(setting, 4)))
        await setting.until(lambda: len(inbox.stored) == 3)
        said = [each for each in parsed(channel, inbox) if each.address.peer.kind == "channel"]
    assert [(each.text, each.address.guild) for each in said] == [("two", GUILD), ("three", GUILD)]
    assert {query["after"] for query in setting.server.calls_of(HISTORY)} == {one["id"]}


async def test_an_author_whose_roles_are_not_told_is_asked_for_once(setting: Setting) -> None:
    one, two, three = (message(text, id=at(setting, n)) for n, text in enumerate(("one", "two", "three"), 1))
    await hear_one(setting, one)
    setting.server.script[HISTORY].append(body([fetched(three), fetched(two)]))
    setting.server.script[MEMBER].extend([body(b"", 502)] * TRIES * 2)
    setting.server.guilds = [guild(last_message_id=three["id"], threads=[])]
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2):
        await setting.until(lambda: len(inbox.stored) == 2)
    assert len(setting.server.calls_of(MEMBER)) == TRIES


class StepwiseInbox(MemoryInbox):
    """Stores as often as it is allowed to."""

    def __init__(self) -> None:
        super().__init__()
        self.allowed = asyncio.Semaphore(0)

    @override
    async def store(self, updates: Sequence[RawUpdate], *args: Any, **options: Any) -> None:
        self.offered.extend(updates)
        await self.allowed.acquire()
        await super().store(updates, *args, **options)


async def test_messages_that_come_too_fast_are_fetched_before_any_newer_one_is_taken(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("channels.discord.reading.MOST_WAITING", 1)
    one, two, lost, four = said = [message(str(number), id=at(setting, number)) for number in range(1, 5)]
    rest, cursors, inbox = DiscordHttp(setting.server.base), Cursors({}), StepwiseInbox()
    cursors.move_mark(int(at(setting, 0)))
    catch_up = CatchUp(BOT, rest, cursors, setting.clock, lambda _: None)
    reader = Reader(BOT, catch_up, Places(rest, lambda _: None), setting.memory, cursors, setting.clock)
    running = asyncio.create_task(reader.run(inbox))
    try:
        reader.take("MESSAGE_CREATE", one)
        await eventually(lambda: len(inbox.offered) == 1)
        for each in (two, lost):  # the second of them finds no place
            reader.take("MESSAGE_CREATE", each)
        setting.server.script[HISTORY].append(body([fetched(each) for each in reversed(said[1:])]))
        inbox.allowed.release()
        await eventually(lambda: len(inbox.offered) > 1)
        reader.take("MESSAGE_CREATE", four)
        for _ in said:
            inbox.allowed.release()
        await eventually(lambda: len(inbox.stored) == 4)
        assert list(inbox.stored) == [f"message-{each['id']}" for each in said]
        assert setting.server.calls_of(HISTORY)[0]["after"] == one["id"]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rest.close()


async def test_a_chat_that_cannot_be_read_holds_up_no_other(setting: Setting) -> None:
    rest, cursors, inbox = DiscordHttp(setting.server.base), Cursors({}), MemoryInbox()
    catch_up = CatchUp(BOT, rest, cursors, setting.clock, lambda _: None)
    reader = Reader(BOT, catch_up, Places(rest, lambda _: None), setting.memory, cursors, setting.clock)
    other = f"GET /channels/{THREAD}/messages"
    for history in (HISTORY, other):
        setting.server.script[history].extend([body(b"", 502)] * 2 * TRIES)
    for channel in (CHANNEL, THREAD):
        catch_up.fall_behind(channel, GUILD)
    running = asyncio.create_task(reader.run(inbox))
    try:
        reader.take("RESUMED", {})
        await eventually(lambda: bool(setting.server.calls_of(HISTORY)))
        reader.take("MESSAGE_CREATE", message("elsewhere", id=at(setting, 1), channel_id="77"))
        await setting.until(lambda: bool(inbox.stored))
        assert len(setting.server.calls_of(HISTORY)) == 1
        await setting.until(lambda: bool(setting.server.calls_of(other)))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await rest.close()


async def test_a_chat_that_is_gone_is_forgotten(setting: Setting) -> None:
    await hear_one(setting, direct_message("one", id=at(setting, 1)))
    setting.server.script[f"GET /channels/{DIRECT}/messages"].append(refusal(404, 10003))
    inbox = setting.inbox()
    async with setting.listening(inbox, sessions=2):
        await setting.server.dispatch("MESSAGE_CREATE", message("two", id=at(setting, 2)))
        await eventually(lambda: bool(inbox.stored))
    assert await setting.memory.recall("direct:") == {}


async def test_a_resumed_session_fetches_nothing(setting: Setting) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", message(id=at(setting, 1)))
        await eventually(lambda: bool(inbox.stored))
        await setting.server.say(7, None)
        await setting.until(lambda: bool(setting.server.resumed))
        await setting.server.dispatch("MESSAGE_CREATE", message(id=at(setting, 2)))
        await eventually(lambda: len(inbox.stored) == 2)
    assert setting.server.calls_of(HISTORY) == []


async def test_the_cursor_moves_with_the_message_and_not_before(setting: Setting) -> None:
    inbox, number = setting.inbox(OSError("the disk is full")), at(setting, 1)
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", message(id=number))
        await eventually(lambda: bool(inbox.offered))
        assert await setting.memory.recall("read:") == {}
        inbox.refusal = None
        await setting.until(lambda: bool(inbox.stored))
    assert await setting.memory.recall("read:") == {f"read:{CHANNEL}": number}


def test_cursors_are_bounded_and_the_quietest_is_forgotten_first() -> None:
    cursors = Cursors({"read:1": "30", "read:2": "20", "direct:3": "10", "mark": "15", "odd": "x"}, most=3)
    changes = cursors.move("4", 40, direct=False)
    assert changes == {"read:4": "40", "direct:3": ""}
    assert cursors.direct_chats == []
    assert cursors.after("2") == 20


def test_a_cursor_never_moves_back() -> None:
    cursors = Cursors({"read:1": "30"})
    assert cursors.move("1", 20, direct=False) == {"read:1": "30"}
    assert cursors.move_mark(20) == {"mark": "20"}
    assert cursors.move_mark(10) == {"mark": "20"}


def test_the_mark_leaves_room_for_disorder() -> None:
    cursors = Cursors({"mark": str(DISORDER + 5)})
    assert cursors.after("1") == 5
    assert Cursors({}).after("1") == 0
