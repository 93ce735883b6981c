"""getUpdates of the simulated Telegram, asked by the real client library."""

import asyncio

import pytest
import telegram
from telegram.error import Conflict

from channels.clock import ManualClock
from channels.simulator.places import UnknownPlace
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.unit.simulator.conftest import open_bot


async def polling(
    simulator: Simulator, bot: telegram.Bot, **options: int
) -> "asyncio.Task[tuple[telegram.Update, ...]]":
    """A long poll that the server already holds."""
    task = asyncio.create_task(bot.get_updates(timeout=30))
    while not simulator.telegram.updates.is_polled:
        await asyncio.sleep(0)
    return task


async def test_message_of_a_person_arrives_with_chat_sender_and_text(simulator: Simulator, bot: telegram.Bot) -> None:
    update_id = simulator.telegram.say(GROUP, FIRST_USER, "Kimi：你好")
    (update,) = await bot.get_updates()
    assert update.update_id == update_id
    assert update.message is not None
    assert update.message.from_user is not None
    assert (update.message.chat_id, update.message.chat.type) == (GROUP, "supergroup")
    assert (update.message.from_user.id, update.message.text) == (FIRST_USER, "Kimi：你好")


async def test_update_stays_until_a_higher_offset_confirms_it(simulator: Simulator, bot: telegram.Bot) -> None:
    first = simulator.telegram.say(GROUP, FIRST_USER, "one")
    second = simulator.telegram.say(GROUP, FIRST_USER, "two")
    assert [update.update_id for update in await bot.get_updates()] == [first, second]
    assert [update.update_id for update in await bot.get_updates(offset=first)] == [first, second]
    assert [update.update_id for update in await bot.get_updates(offset=first + 1)] == [second]
    assert await bot.get_updates(offset=second + 1) == ()
    assert simulator.telegram.pending == []


async def test_limit_bounds_the_batch(simulator: Simulator, bot: telegram.Bot) -> None:
    ids = [simulator.telegram.say(GROUP, FIRST_USER, str(number)) for number in range(105)]
    assert [update.update_id for update in await bot.get_updates(limit=2)] == ids[:2]
    assert len(await bot.get_updates()) == 100


async def test_negative_offset_forgets_all_but_the_last(simulator: Simulator, bot: telegram.Bot) -> None:
    ids = [simulator.telegram.say(GROUP, FIRST_USER, str(number)) for number in range(5)]
    assert [update.update_id for update in await bot.get_updates(offset=-2)] == ids[-2:]
    assert len(simulator.telegram.pending) == 2


async def test_long_poll_returns_when_somebody_speaks(simulator: Simulator, bot: telegram.Bot) -> None:
    poll = await polling(simulator, bot)
    simulator.telegram.say(GROUP, FIRST_USER, "now")
    assert len(await poll) == 1


async def test_long_poll_ends_empty_after_its_timeout(
    simulator: Simulator, bot: telegram.Bot, clock: ManualClock
) -> None:
    poll = await polling(simulator, bot)
    await clock.advance(29)
    assert not poll.done()
    await clock.advance(2)
    assert await poll == ()


async def test_second_poll_ends_the_first_with_a_conflict(simulator: Simulator, bot: telegram.Bot) -> None:
    poll = await polling(simulator, bot)
    async with open_bot(simulator) as second:
        await second.get_updates()
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await poll


async def test_updates_older_than_a_day_are_gone(simulator: Simulator, bot: telegram.Bot, clock: ManualClock) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "old")
    await clock.advance(23 * 3600)
    fresh = simulator.telegram.say(GROUP, FIRST_USER, "fresh")
    await clock.advance(2 * 3600)
    assert [update.update_id for update in await bot.get_updates()] == [fresh]


async def test_ids_that_start_anew_lower_are_still_delivered(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.inject({"update_id": 900})
    simulator.telegram.inject({"update_id": 17})
    assert [update.update_id for update in await bot.get_updates()] == [900]
    assert [update.update_id for update in await bot.get_updates(offset=901)] == [17]
    assert await bot.get_updates(offset=18) == ()


async def test_kinds_that_were_not_asked_for_are_not_queued(simulator: Simulator, bot: telegram.Bot) -> None:
    await bot.get_updates(allowed_updates=["callback_query"])
    simulator.telegram.say(GROUP, FIRST_USER, "not heard")
    assert await bot.get_updates() == ()
    await bot.get_updates(allowed_updates=[])
    simulator.telegram.say(GROUP, FIRST_USER, "heard again")
    assert len(await bot.get_updates()) == 1


async def test_broken_update_is_delivered_as_it_is(simulator: Simulator, bot: telegram.Bot) -> None:
    update_id = simulator.telegram.inject({"message": {"chat": 5}})
    with pytest.raises(KeyError):
        await bot.get_updates()
    assert simulator.telegram.pending == [{"message": {"chat": 5}, "update_id": update_id}]


async def test_command_and_mention_are_marked_in_what_people_say(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "😀 /new@javis_simulated_bot @javis_simulated_bot https://a.example/x")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert list(update.message.parse_entities().values()) == [
        "/new@javis_simulated_bot",
        "@javis_simulated_bot",
        "https://a.example/x",
    ]


async def test_reply_in_a_topic_carries_both(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.add_group(-1009, "forum", [FIRST_USER], kind="forum")
    topic = simulator.telegram.add_topic(-1009, "news")
    simulator.telegram.say(-1009, FIRST_USER, "first", topic=topic)
    first = simulator.telegram.chats[-1009].last_message_id
    simulator.telegram.say(-1009, FIRST_USER, "second", topic=topic, reply_to=first)
    update = (await bot.get_updates())[-1]
    assert update.message is not None
    assert update.message.reply_to_message is not None
    assert (update.message.message_thread_id, update.message.is_topic_message) == (topic, True)
    assert update.message.reply_to_message.message_id == first


async def test_edit_by_its_author_is_an_edited_message(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "befor")
    simulator.telegram.edit(GROUP, simulator.telegram.chats[GROUP].last_message_id, "before")
    edited = (await bot.get_updates())[-1].edited_message
    assert edited is not None
    assert edited.text == "before"
    assert edited.edit_date is not None


async def test_document_of_a_person_can_be_downloaded(simulator: Simulator, bot: telegram.Bot) -> None:
    await simulator.telegram.say_document(GROUP, FIRST_USER, "notes.txt", b"42", caption="look")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.document is not None
    file = await update.message.document.get_file()
    assert bytes(await file.download_as_bytearray()) == b"42"


async def test_bot_that_was_removed_hears_nothing_more(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.set_bot_status(GROUP, FIRST_USER, "kicked")
    assert simulator.telegram.say(GROUP, FIRST_USER, "gone?") == 0
    (update,) = await bot.get_updates()
    assert update.my_chat_member is not None
    assert update.my_chat_member.new_chat_member.status == "kicked"


async def test_growing_group_names_its_supergroup(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.add_group(-77, "small", [FIRST_USER], kind="group")
    new_id = simulator.telegram.migrate(-77, FIRST_USER)
    old, new = [update.message for update in await bot.get_updates()]
    assert old is not None
    assert new is not None
    assert (old.chat_id, old.migrate_to_chat_id) == (-77, new_id)
    assert (new.chat_id, new.migrate_from_chat_id) == (new_id, -77)


@pytest.mark.parametrize(("chat", "user", "topic"), [(1, FIRST_USER, None), (GROUP, 1, None), (GROUP, FIRST_USER, 99)])
async def test_speaking_where_there_is_no_such_place_is_refused(
    simulator: Simulator, chat: int, user: int, topic: int | None
) -> None:
    with pytest.raises(UnknownPlace):
        simulator.telegram.say(chat, user, "hello?", topic=topic)
