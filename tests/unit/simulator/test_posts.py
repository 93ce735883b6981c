"""What a bot may write in the simulated Telegram, tried with the real client library."""

import json

import httpx
import pytest
import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter

from channels.clock import ManualClock
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.patience import PATIENCE_SECONDS

FORUM = -1_001_700_000_007


def keyboard(data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("stop", callback_data=data)]])


async def test_message_is_returned_and_kept_with_its_entities(simulator: Simulator, bot: telegram.Bot) -> None:
    message = await bot.send_message(GROUP, "😀 bold", entities=[MessageEntity("bold", 3, 4)])
    assert (message.text, message.parse_entities()) == ("😀 bold", {message.entities[0]: "bold"})
    (kept,) = simulator.telegram.sent(GROUP)
    assert kept["entities"] == [{"type": "bold", "offset": 3, "length": 4}]


async def test_message_ids_grow_within_each_chat(bot: telegram.Bot) -> None:
    ids = [(await bot.send_message(chat, "x")).message_id for chat in (GROUP, FIRST_USER, GROUP)]
    assert ids == [1, 1, 2]


@pytest.mark.parametrize("text", ["a" * 4096, "😀" * 2048, "字" * 4096])
async def test_text_of_exactly_4096_units_is_sent(bot: telegram.Bot, text: str) -> None:
    assert (await bot.send_message(GROUP, text)).text == text


@pytest.mark.parametrize("text", ["a" * 4097, "😀" * 2049])
async def test_longer_text_is_refused(simulator: Simulator, bot: telegram.Bot, text: str) -> None:
    with pytest.raises(BadRequest, match=r"^Message is too long$"):
        await bot.send_message(GROUP, text)
    assert simulator.telegram.sent() == []


async def test_text_of_white_space_alone_is_refused(bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match="text is empty"):
        await bot.send_message(GROUP, " \n ")


async def test_white_space_around_the_text_goes_and_entities_follow(bot: telegram.Bot) -> None:
    message = await bot.send_message(GROUP, "\n\n bold  ", entities=[MessageEntity("bold", 3, 6)])
    assert message.text == "bold"
    assert [(each.offset, each.length) for each in message.entities] == [(0, 4)]


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        (MessageEntity("bold", 6, 1), "Entity begins after the end of the text at utf-16 offset 6"),
        (MessageEntity("bold", 1, 9), "Entity beginning at utf-16 offset 1 ends after the end of the text"),
        (MessageEntity("bold", 1, 1), "Entity begins in a middle of a utf-16 symbol"),
        (MessageEntity("bold", 0, 1), "Entity beginning at utf-16 offset 0 ends in a middle of a utf-16 symbol"),
        (MessageEntity("bold", -1, 1), "Receive an entity with incorrect offset -1"),
        (MessageEntity("sparkle", 0, 2), "Can't parse messageentity: unsupported type specified"),
        (MessageEntity("text_link", 0, 2), "Can't find field"),
    ],
)
async def test_entity_that_does_not_fit_is_refused(bot: telegram.Bot, entity: MessageEntity, words: str) -> None:
    text = "😀 ab" if entity.length == 1 or entity.type != "bold" else "hello"
    with pytest.raises(BadRequest, match=f"(?i){words}"):
        await bot.send_message(GROUP, text, entities=[entity])


async def test_entities_beyond_a_hundred_are_ignored(bot: telegram.Bot) -> None:
    entities = [MessageEntity("bold", number, 1) for number in range(120)]
    assert len((await bot.send_message(GROUP, "x" * 120, entities=entities)).entities) == 100


async def test_reply_shows_what_it_answers(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "question")
    answer = await bot.send_message(GROUP, "answer", reply_parameters=ReplyParameters(1))
    assert answer.reply_to_message is not None
    assert answer.reply_to_message.text == "question"


async def test_reply_to_a_missing_message_is_refused_unless_allowed(bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(GROUP, "x", reply_parameters=ReplyParameters(99))
    lenient = ReplyParameters(99, allow_sending_without_reply=True)
    assert (await bot.send_message(GROUP, "x", reply_parameters=lenient)).reply_to_message is None


async def test_topics_take_messages_but_general_and_unknown_ones_refuse(
    simulator: Simulator, bot: telegram.Bot
) -> None:
    simulator.telegram.add_group(FORUM, "forum", [FIRST_USER], kind="forum")
    topic = simulator.telegram.add_topic(FORUM, "news")
    sent = await bot.send_message(FORUM, "x", message_thread_id=topic)
    assert (sent.message_thread_id, sent.is_topic_message) == (topic, True)
    assert (await bot.send_message(FORUM, "to General")).message_thread_id is None
    for thread in (1, 999):
        with pytest.raises(BadRequest, match="thread not found"):
            await bot.send_message(FORUM, "x", message_thread_id=thread)
    with pytest.raises(BadRequest, match="thread not found"):
        await bot.send_message(GROUP, "x", message_thread_id=topic)


async def test_answer_to_a_message_in_a_topic_stays_there(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.add_group(FORUM, "forum", [FIRST_USER], kind="forum")
    topic = simulator.telegram.add_topic(FORUM, "news")
    simulator.telegram.say(FORUM, FIRST_USER, "question", topic=topic)
    question = simulator.telegram.chats[FORUM].last_message_id
    assert (await bot.send_message(FORUM, "x", reply_parameters=ReplyParameters(question))).message_thread_id == topic


async def test_button_press_comes_back_and_is_answered_once(simulator: Simulator, bot: telegram.Bot) -> None:
    message = await bot.send_message(GROUP, "running", reply_markup=keyboard("cancel:7"))
    simulator.telegram.press(GROUP, message.message_id, "cancel:7", FIRST_USER)
    query = (await bot.get_updates())[-1].callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("cancel:7", FIRST_USER)
    assert await query.answer("stopped")
    with pytest.raises(BadRequest, match="Query is too old"):
        await query.answer()


async def test_callback_data_may_have_64_bytes_and_no_more(bot: telegram.Bot) -> None:
    await bot.send_message(GROUP, "x", reply_markup=keyboard("字" * 21 + "x"))
    with pytest.raises(BadRequest, match=r"(?i)BUTTON_DATA_INVALID"):
        await bot.send_message(GROUP, "x", reply_markup=keyboard("字" * 21 + "xx"))


async def test_button_that_does_nothing_is_refused(bot: telegram.Bot) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("idle")]])
    with pytest.raises(BadRequest, match=r"(?i)text buttons are unallowed"):
        await bot.send_message(GROUP, "x", reply_markup=markup)


async def test_edit_changes_the_message_and_says_when_nothing_changed(simulator: Simulator, bot: telegram.Bot) -> None:
    message = await bot.send_message(GROUP, "…", reply_markup=keyboard("a"))
    await bot.edit_message_text("done", GROUP, message.message_id)
    (kept,) = simulator.telegram.sent()
    assert kept["text"] == "done"
    assert "reply_markup" not in kept
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text("done", GROUP, message.message_id)


async def test_buttons_can_be_taken_away_alone(simulator: Simulator, bot: telegram.Bot) -> None:
    message = await bot.send_message(GROUP, "text", reply_markup=keyboard("a"))
    await bot.edit_message_reply_markup(GROUP, message.message_id)
    assert [(each["text"], each.get("reply_markup")) for each in simulator.telegram.sent()] == [("text", None)]


async def test_only_own_and_existing_messages_can_be_edited_or_deleted(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "mine")
    for message_id, words in ((1, "can't be edited"), (9, "to edit not found")):
        with pytest.raises(BadRequest, match=words):
            await bot.edit_message_text("x", GROUP, message_id)
    for message_id, words in ((1, "can't be deleted"), (9, "to delete not found")):
        with pytest.raises(BadRequest, match=words):
            await bot.delete_message(GROUP, message_id)


async def test_deleted_message_is_gone_and_its_id_is_not_used_again(simulator: Simulator, bot: telegram.Bot) -> None:
    message = await bot.send_message(GROUP, "x")
    await bot.delete_message(GROUP, message.message_id)
    assert simulator.telegram.sent() == []
    assert (await bot.send_message(GROUP, "y")).message_id == message.message_id + 1


async def test_typing_is_noted(simulator: Simulator, bot: telegram.Bot) -> None:
    await bot.send_chat_action(GROUP, "typing")
    assert {"chat_id": GROUP, "action": "typing"} in simulator.telegram.typing
    with pytest.raises(BadRequest, match="Wrong parameter action"):
        await bot.send_chat_action(GROUP, "juggling")


async def test_document_is_stored_with_its_caption(simulator: Simulator, bot: telegram.Bot) -> None:
    message = await bot.send_document(GROUP, b"# long", filename="answer.md", caption="see")
    assert message.document is not None
    assert (message.document.file_name, message.document.file_size, message.caption) == ("answer.md", 6, "see")
    file = await bot.get_file(message.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"# long"
    again = await bot.send_document(GROUP, message.document.file_id)
    assert again.document is not None
    assert again.document.file_name == "answer.md"


async def test_caption_beyond_1024_units_is_refused(bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match="caption is too long"):
        await bot.send_document(GROUP, b"x", caption="a" * 1025)


async def test_unknown_chat_is_refused(bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(12345, "x")


async def test_bot_that_was_kicked_or_blocked_is_forbidden(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.set_bot_status(GROUP, FIRST_USER, "kicked")
    simulator.telegram.set_bot_status(FIRST_USER, FIRST_USER, "kicked")
    with pytest.raises(Forbidden, match="kicked from the supergroup chat"):
        await bot.send_message(GROUP, "x")
    with pytest.raises(Forbidden, match="blocked by the user"):
        await bot.send_message(FIRST_USER, "x")


async def test_group_that_grew_answers_with_its_new_id(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.add_group(-77, "small", [FIRST_USER], kind="group")
    new_id = simulator.telegram.migrate(-77, FIRST_USER)
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(-77, "x")
    assert caught.value.new_chat_id == new_id
    assert (await bot.send_message(new_id, "x")).chat_id == new_id


@pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")
async def test_second_message_within_a_second_waits_when_limits_are_on(
    simulator: Simulator, bot: telegram.Bot, clock: ManualClock
) -> None:
    simulator.telegram.limits_on = True
    await bot.send_message(GROUP, "first")
    await bot.send_message(FIRST_USER, "another chat")
    with pytest.raises(RetryAfter, match="Retry in 1 seconds"):
        await bot.send_message(GROUP, "too soon")
    await clock.advance(1)
    await bot.send_message(GROUP, "in time")


async def test_parameters_may_come_as_json_form_or_query(simulator: Simulator) -> None:
    url = f"{simulator.telegram_api_base}/bot{simulator.telegram_token}/SENDmessage"
    markup = {"inline_keyboard": [[{"text": "a", "callback_data": "b"}]]}
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        as_json = await http.post(url, json={"chat_id": GROUP, "text": "json", "reply_markup": markup})
        as_form = await http.post(url, data={"chat_id": str(GROUP), "text": "form", "reply_markup": json.dumps(markup)})
        as_query = await http.get(url, params={"chat_id": str(GROUP), "text": "query"})
    assert [each.json()["ok"] for each in (as_json, as_form, as_query)] == [True, True, True]
    assert [each["text"] for each in simulator.telegram.sent()] == ["json", "form", "query"]
    assert simulator.telegram.sent()[0]["reply_markup"] == simulator.telegram.sent()[1]["reply_markup"] == markup


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "can't parse request body"),
        (b"[]", "can't parse request body"),
        (b'{"text": "x"}', "chat_id is empty"),
        (b'{"chat_id": %d, "text": "\\ud83d"}' % GROUP, "strings must be encoded in UTF-8"),
        (b'{"chat_id": %d, "text": "x", "entities": "bold"}' % GROUP, "can't parse entities JSON object"),
        (b'{"chat_id": %d, "text": "x", "entities": [5]}' % GROUP, "expected an Object"),
        (b'{"chat_id": %d, "text": "x", "reply_markup": {"inline_keyboard": [1]}}' % GROUP, "Array of Arrays"),
        (b'{"chat_id": %d, "text": "x", "parse_mode": "HTML"}' % GROUP, "unsupported parse_mode"),
    ],
)
async def test_malformed_request_is_refused_in_the_shape_of_the_api(
    simulator: Simulator, body: bytes, words: str
) -> None:
    url = f"{simulator.telegram_api_base}/bot{simulator.telegram_token}/sendMessage"
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        response = await http.post(url, content=body, headers={"content-type": "application/json"})
    answer = response.json()
    assert (response.status_code, answer["ok"], answer["error_code"]) == (400, False, 400)
    assert answer["description"].startswith("Bad Request: ")
    assert words in answer["description"]
