"""Telegram's updates as messages: who, where, what, and whether the bot was meant."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.errors import Unparsable
from channels.message import Attachment, ChatChange, Destination, InboundMessage
from channels.telegram.parse import Me, parse_update
from channels.utf16 import utf16_length
from routing.address import Address, Peer
from tests.effort import calls_of

ME = Me("default", 99, "Javis_bot")
USER = {"id": 7, "is_bot": False, "first_name": "小明", "last_name": "王", "language_code": "zh-hant"}
BOT = {"id": 99, "is_bot": True, "first_name": "Javis", "username": "Javis_bot"}
GROUP = {"id": -1001, "type": "supergroup", "title": "A group"}
DIRECT = {"id": 7, "type": "private", "first_name": "小明"}


def message(
    text: str | None = "hello", chat: dict[str, Any] | None = None, *, sender: dict[str, Any] = USER, **fields: Any
) -> dict[str, Any]:
    made = {"message_id": 5, "date": 1_700_000_000, "chat": chat or GROUP, "from": sender, "text": text} | fields
    return {name: value for name, value in made.items() if value is not None}


def parse(content: dict[str, Any], kind: str = "message") -> InboundMessage | ChatChange | None:
    raw = json.loads(json.dumps({"update_id": 1, kind: content}))
    return parse_update(raw, ME)


def heard(content: dict[str, Any], kind: str = "message") -> InboundMessage:
    parsed = parse(content, kind)
    assert isinstance(parsed, InboundMessage)
    return parsed


def entity(text: str, words: str, kind: str, **fields: Any) -> dict[str, Any]:
    place = text.index(words)
    return {"type": kind, "offset": utf16_length(text[:place]), "length": utf16_length(words)} | fields


def test_a_group_message_is_read_with_all_its_facts() -> None:
    assert parse(message("早安")) == InboundMessage(
        address=Address("telegram", "default", Peer("group", "-1001"), sender="7"),
        origin=Destination("telegram", "default", "-1001"),
        message_id="5",
        text="早安",
        sender_name="小明 王",
        sent_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        language="zh-hant",
    )


def test_a_direct_message_is_meant_for_the_bot() -> None:
    said = heard(message(chat=DIRECT))
    assert said.address.peer == Peer("direct", "7")
    assert said.mentioned


@pytest.mark.parametrize(("kind", "peer"), [("group", "group"), ("supergroup", "group"), ("channel", "channel")])
def test_kinds_of_chats_are_told_apart(kind: str, peer: str) -> None:
    assert heard(message(chat=GROUP | {"type": kind})).address.peer.kind == peer


@pytest.mark.parametrize(
    ("text", "words", "kind", "expected", "mentioned"),
    [
        ("@javis_BOT what now", "@javis_BOT", "mention", "what now", True),
        ("@javis_bot: what now", "@javis_bot", "mention", "what now", True),
        ("@javis_bot，現在呢", "@javis_bot", "mention", "現在呢", True),
        ("@javis_bot", "@javis_bot", "mention", "", True),
        ("👋 dear @javis_bot what now", "@javis_bot", "mention", "👋 dear @javis_bot what now", True),
        ("@another_bot what now", "@another_bot", "mention", "@another_bot what now", False),
        ("@javis_bot2 what now", "@javis_bot2", "mention", "@javis_bot2 what now", False),
        ("/kimi do it", "/kimi", "bot_command", "/kimi do it", True),
        ("/kimi@JAVIS_bot do it", "/kimi@JAVIS_bot", "bot_command", "/kimi do it", True),
        ("see /kimi", "/kimi", "bot_command", "see /kimi", False),
        ("see https://a.b/@javis_bot", "https://a.b/@javis_bot", "url", "see https://a.b/@javis_bot", False),
    ],
)
def test_a_mention_that_opens_a_message_is_taken_off(
    text: str, words: str, kind: str, expected: str, *, mentioned: bool
) -> None:
    said = heard(message(text, entities=[entity(text, words, kind)]))
    assert (said.text, said.mentioned) == (expected, mentioned)


def test_a_mention_without_a_name_is_known_by_its_id() -> None:
    text = "Javis what now"
    said = heard(message(text, entities=[entity(text, "Javis", "text_mention", user=BOT)]))
    assert (said.text, said.mentioned) == ("what now", True)
    assert not heard(message(text, entities=[entity(text, "Javis", "text_mention", user=USER)])).mentioned


def test_a_command_for_another_bot_is_not_ours_in_a_group() -> None:
    text = "/start@another_bot"
    entities = [entity(text, text, "bot_command")]
    assert parse(message(text, entities=entities)) is None
    assert heard(message(text, chat=DIRECT, entities=entities)).text == text


def test_an_answer_to_the_bot_means_the_bot() -> None:
    said = heard(message(reply_to_message={"message_id": 4, "from": BOT}))
    assert (said.mentioned, said.reply_to) == (True, "4")
    said = heard(message(reply_to_message={"message_id": 4, "from": USER}))
    assert (said.mentioned, said.reply_to) == (False, "4")


def test_a_topic_is_told_and_its_opening_message_is_no_question() -> None:
    opened = {"message_id": 42, "from": BOT, "forum_topic_created": {"name": "x"}}
    said = heard(message(message_thread_id=42, is_topic_message=True, reply_to_message=opened))
    assert said.address.thread == said.origin.thread == "42"
    assert (said.reply_to, said.mentioned) == (None, False)


def test_a_thread_id_outside_topics_is_nobodys_address() -> None:
    said = heard(message(message_thread_id=42, reply_to_message={"message_id": 42, "from": BOT}))
    assert said.address.thread is said.origin.thread is None
    assert (said.reply_to, said.mentioned) == ("42", True)


@pytest.mark.parametrize(
    ("member", "kind"),
    [
        ({"status": "member"}, "added"),
        ({"status": "administrator"}, "added"),
        ({"status": "restricted", "is_member": True}, "added"),
        ({"status": "restricted", "is_member": False}, "removed"),
        ({"status": "left"}, "removed"),
        ({"status": "kicked"}, "removed"),
    ],
)
def test_the_bots_place_in_a_chat_is_told(member: dict[str, Any], kind: str) -> None:
    change = parse({"chat": GROUP, "from": USER, "date": 1, "new_chat_member": member}, "my_chat_member")
    assert isinstance(change, ChatChange)
    assert (change.kind, change.chat, change.by) == (kind, Destination("telegram", "default", "-1001"), "7")


def test_a_group_that_became_a_supergroup_tells_its_new_id() -> None:
    change = parse(message(None, migrate_to_chat_id=-1002))
    assert change == ChatChange("moved", Destination("telegram", "default", "-1001"), new_chat="-1002")


def test_who_hides_behind_a_chat_has_no_id() -> None:
    hidden = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    said = heard(message(sender=hidden, sender_chat=GROUP))
    assert (said.address.sender, said.sender_name, said.sender_is_bot) == (None, "A group", False)


def test_the_bots_own_words_and_service_messages_say_nothing() -> None:
    assert parse(message(sender=BOT)) is None
    assert parse(message(None, new_chat_members=[USER])) is None
    assert parse_update({"update_id": 1, "something_new": {}}, ME) is None


def test_another_bot_is_marked() -> None:
    assert heard(message(sender=USER | {"is_bot": True})).sender_is_bot


def test_an_edit_is_told_from_a_message() -> None:
    assert heard(message("better"), "edited_message").kind == "edit"


def test_a_pressed_button_speaks_its_data() -> None:
    query = {"id": "1", "from": USER, "data": "/cancel kimi-1", "message": message("⏳", sender=BOT)}
    said = heard(query, "callback_query")
    assert (said.kind, said.text, said.mentioned, said.address.sender) == ("button", "/cancel kimi-1", True, "7")
    assert (said.message_id, said.reply_to) == ("5", "5")


def test_a_button_under_a_message_out_of_reach_still_works() -> None:
    query = {"id": "1", "from": USER, "data": "/x", "message": {"message_id": 5, "date": 0, "chat": GROUP}}
    assert heard(query, "callback_query").text == "/x"
    assert parse({"id": "1", "from": USER, "inline_message_id": "abc", "data": "/x"}, "callback_query") is None


def test_files_come_as_attachments_with_their_caption() -> None:
    photo = [{"file_id": "small", "file_size": 10}, {"file_id": "large", "file_size": 900}]
    text = "@javis_bot look"
    said = heard(message(None, photo=photo, caption=text, caption_entities=[entity(text, "@javis_bot", "mention")]))
    assert said.attachments == (Attachment("image", "5.jpg", "image/jpeg", 900, "large"),)
    assert (said.text, said.mentioned) == ("look", True)
    document = {"file_id": "d", "file_name": "a.pdf", "mime_type": "application/pdf", "file_size": 3}
    said = heard(message(None, document=document))
    assert (said.text, said.attachments) == ("", (Attachment("document", "a.pdf", "application/pdf", 3, "d"),))
    said = heard(message(None, voice={"file_id": "v"}))
    assert said.attachments == (Attachment("audio", "voice.ogg", None, None, "v"),)


@pytest.mark.parametrize(
    "raw",
    [
        [],
        "text",
        None,
        {"message": 5},
        {"message": {"message_id": 5}},
        {"message": message() | {"text": 5}},
        {"message": message() | {"date": 10**30}},
        {"message": message() | {"date": "soon"}},
        {"message": message() | {"chat": {"id": "7", "type": "private"}}},
        {"message": message() | {"chat": {"id": 7, "type": "planet"}}},
        {"callback_query": {"id": 1}},
    ],
)
def test_what_is_no_update_is_set_aside(raw: Any) -> None:
    with pytest.raises(Unparsable):
        parse_update(raw, ME)


def test_half_a_character_is_replaced_before_anything_stores_it() -> None:
    assert heard(message("a\ud800b", sender=USER | {"first_name": "\udfff"})).text == "a\ufffdb"


def test_a_fault_is_named_without_what_was_said() -> None:
    with pytest.raises(Unparsable, match=r"message\.date") as caught:
        parse_update({"message": message("secret") | {"date": "canary"}}, ME)
    assert "canary" not in str(caught.value)
    assert "secret" not in str(caught.value)


NAMES = ["update_id", "message", "edited_message", "callback_query", "chat", "from", "text", "entities", "date", "id",
         "message_id", "type", "photo", "caption", "offset", "length", "data", "user", "is_topic_message", "document",
         "file_id", "message_thread_id", "reply_to_message", "sender_chat"]  # fmt: skip
wild = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["private", "mention", "/a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=20,
)


@given(wild)
def test_any_json_is_a_message_nothing_or_set_aside(raw: Any) -> None:
    try:
        parsed = parse_update(raw, ME)
    except Unparsable:
        return
    assert parsed is None or isinstance(parsed, InboundMessage | ChatChange)


@given(st.dictionaries(st.sampled_from(NAMES), wild, max_size=4), st.integers(-5, 10_000), st.integers(0, 10_000))
def test_any_message_with_odd_fields_is_read_or_set_aside(fields: dict[str, Any], offset: int, length: int) -> None:
    mention = {"type": "mention", "offset": offset, "length": length}
    try:
        parsed = parse_update({"message": message("@javis_bot 👋 x", entities=[mention]) | fields}, ME)
    except Unparsable:
        return
    assert parsed is None or isinstance(parsed, InboundMessage | ChatChange)


def test_reading_an_update_costs_little() -> None:
    raw = {
        "update_id": 1,
        "message": message("/kimi@javis_bot do it", entities=[entity("/kimi", "/kimi", "bot_command")]),
    }
    assert calls_of(lambda: parse_update(raw, ME)) < 100
