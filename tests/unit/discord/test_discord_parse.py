"""Discord's events as messages: who, where, what, and whether the bot was meant."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.discord.events import envelope, raw_update
from channels.discord.parse import parse_event
from channels.errors import Unparsable
from channels.message import Attachment, Destination, InboundMessage
from routing.address import Address, Peer
from tests.unit.discord.setting import (
    BOT,
    BOT_AUTHOR,
    CHANNEL,
    DIRECT,
    GUILD,
    ME,
    OWN_ROLE,
    ROLE,
    THREAD,
    USER,
    command,
    direct_message,
    heard,
    interaction,
    message,
    parse,
)


def test_a_message_in_a_server_is_read_with_all_its_facts() -> None:
    assert heard("MESSAGE_CREATE", message("早安")) == InboundMessage(
        address=Address("discord", "default", Peer("channel", CHANNEL), None, GUILD, frozenset({ROLE}), USER),
        origin=Destination("discord", "default", CHANNEL),
        message_id="1400000000000000005",
        text="早安",
        sender_name="小明",
        sent_at=datetime(2026, 11, 20, 8, 30, 0, 123000, tzinfo=UTC),
    )


def test_a_direct_message_is_meant_for_the_bot() -> None:
    said = heard("MESSAGE_CREATE", direct_message())
    assert said.mentioned
    assert said.address == Address("discord", "default", Peer("direct", USER), sender=USER)
    assert said.origin == Destination("discord", "default", DIRECT)


def test_a_thread_lies_inside_its_channel() -> None:
    said = heard("MESSAGE_CREATE", message(channel_id=THREAD), parent=CHANNEL)
    assert said.address.peer == Peer("channel", CHANNEL)
    assert said.address.thread == THREAD
    assert said.origin == Destination("discord", "default", CHANNEL, THREAD)


@pytest.mark.parametrize(
    ("content", "fields", "mentioned", "text"),
    [
        ("hello", {}, False, "hello"),
        (f"<@{BOT}> hello", {"mentions": [BOT_AUTHOR]}, True, "hello"),
        (f"<@!{BOT}>，你好", {"mentions": [BOT_AUTHOR]}, True, "你好"),
        (f"ask <@{BOT}>", {"mentions": [BOT_AUTHOR]}, True, f"ask <@{BOT}>"),
        (f"<@&{OWN_ROLE}> hello", {"mention_roles": [OWN_ROLE]}, True, "hello"),
        (f"<@&{ROLE}> hello", {"mention_roles": [ROLE]}, False, f"<@&{ROLE}> hello"),
        ("@everyone hello", {"mention_everyone": True}, False, "@everyone hello"),
        (
            "why?",
            {
                "type": 19,
                "message_reference": {"type": 0, "message_id": "1400000000000000001", "channel_id": CHANNEL},
                "referenced_message": message(id="1400000000000000001", author=BOT_AUTHOR),
            },
            True,
            "why?",
        ),
        (
            "why?",
            {
                "type": 19,
                "message_reference": {"type": 0, "message_id": "1400000000000000001"},
                "referenced_message": message(id="1400000000000000001"),
            },
            False,
            "why?",
        ),
    ],
)
def test_who_is_meant_and_what_is_left_of_the_text(
    content: str, fields: dict[str, Any], *, mentioned: bool, text: str
) -> None:
    said = heard("MESSAGE_CREATE", message(content, **fields), own_role=OWN_ROLE)
    assert (said.mentioned, said.text) == (mentioned, text)
    assert said.reply_to == ("1400000000000000001" if "message_reference" in fields else None)


@pytest.mark.parametrize(
    ("event", "data"),
    [
        ("MESSAGE_CREATE", message(author=BOT_AUTHOR)),
        ("MESSAGE_CREATE", message("", attachments=[])),
        ("MESSAGE_CREATE", message(type=7)),  # somebody joined the server
        ("MESSAGE_UPDATE", message()),  # a link was unfolded
        ("TYPING_START", {"user_id": USER}),
        ("INTERACTION_CREATE", interaction(1, {})),
        ("INTERACTION_CREATE", interaction(5, {"custom_id": "a form"})),
        ("INTERACTION_CREATE", command("kimi", member=None)),
    ],
)
def test_what_says_nothing_to_the_bot_is_passed_over(event: str, data: dict[str, Any]) -> None:
    assert parse(event, data) is None


def test_an_edit_bears_the_message_it_changes() -> None:
    said = heard("MESSAGE_UPDATE", message("better", edited_timestamp="2026-11-20T08:31:00+00:00"))
    assert (said.kind, said.message_id, said.text) == ("edit", "1400000000000000005", "better")


@pytest.mark.parametrize(
    "fields", [{"author": {"id": USER, "username": "x", "bot": True}}, {"webhook_id": "600000000000000001"}]
)
def test_other_bots_and_webhooks_are_marked(fields: dict[str, Any]) -> None:
    assert heard("MESSAGE_CREATE", message(**fields)).sender_is_bot


def test_files_are_listed_and_the_nick_is_the_name() -> None:
    file = {"id": "1", "filename": "a.png", "content_type": "image/png", "size": 9, "url": "https://cdn.example/a.png"}
    bare = {"id": "2", "filename": "b.bin", "size": 3, "url": "https://cdn.example/b.bin"}
    said = heard("MESSAGE_CREATE", message("", attachments=[file, bare], member={"nick": "明", "roles": []}))
    assert said.attachments == (
        Attachment("image", "a.png", "image/png", 9, "https://cdn.example/a.png"),
        Attachment("document", "b.bin", None, 3, "https://cdn.example/b.bin"),
    )
    assert said.sender_name == "明"


def test_a_forwarded_message_says_what_it_holds() -> None:
    forwarded: dict[str, Any] = {
        "message_reference": {"type": 1},
        "message_snapshots": [{"message": {"content": "the news"}}],
    }
    assert heard("MESSAGE_CREATE", direct_message("", **forwarded)).text == "the news"


def test_a_slash_command_is_read_as_if_it_had_been_typed() -> None:
    said = heard("INTERACTION_CREATE", command("kimi", "name=x write a poem"))
    assert (said.text, said.kind, said.mentioned, said.language) == (
        "/kimi name=x write a poem",
        "message",
        True,
        "zh-TW",
    )
    assert said.reply_token == f"{BOT}:an-interaction-token"
    assert said.message_id == "1400000000000000006"
    assert said.address == Address("discord", "default", Peer("channel", CHANNEL), None, GUILD, frozenset({ROLE}), USER)
    assert timedelta(0) < said.sent_at - datetime(2025, 7, 1, tzinfo=UTC) < timedelta(days=60)


def test_a_command_in_a_thread_or_a_post_belongs_to_its_channel() -> None:
    place = {"id": THREAD, "type": 11, "parent_id": CHANNEL}
    said = heard("INTERACTION_CREATE", command("status", channel_id=THREAD, channel=place))
    assert said.origin == Destination("discord", "default", CHANNEL, THREAD)
    assert said.text == "/status"


@pytest.mark.parametrize(("guild", "private"), [(GUILD, True), (None, False)])
def test_a_private_answer_needs_no_secrecy_in_a_direct_chat(guild: str | None, *, private: bool) -> None:
    place: dict[str, Any] = {"member": None, "user": {"id": USER, "username": "ming"}} if guild is None else {}
    said = heard("INTERACTION_CREATE", command("tasks", guild_id=guild, **place), private=True)
    assert said.reply_token is not None
    assert said.reply_token.endswith(":private") is private


def test_a_pressed_button_says_its_command_and_is_answered_as_a_message() -> None:
    pressed = interaction(3, {"component_type": 2, "custom_id": "/cancel kimi-1"}, message=message(author=BOT_AUTHOR))
    said = heard("INTERACTION_CREATE", pressed)
    assert (said.kind, said.text, said.reply_to, said.reply_token) == (
        "button", "/cancel kimi-1", "1400000000000000005", None,
    )  # fmt: skip


def test_what_is_typed_for_a_suggestion_is_read_like_the_command() -> None:
    options = [{"name": "text", "type": 3, "value": "kimi-17", "focused": True}]
    assert heard("INTERACTION_CREATE", interaction(4, {"name": "cancel", "options": options})).text == "/cancel kimi-17"


@pytest.mark.parametrize("field", ["id", "channel_id", "author", "timestamp"])
def test_an_event_of_another_form_is_set_aside(field: str) -> None:
    with pytest.raises(Unparsable, match=f"not an event of Discord: {field}"):
        parse("MESSAGE_CREATE", message() | {field: {"odd": 1}})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(sorted(message())),
    st.sampled_from(sorted(command("kimi"))),
)
def test_no_value_breaks_the_reading(value: Any, of_message: str, of_command: str) -> None:
    for raw in (
        envelope("MESSAGE_CREATE", message() | {of_message: value}, {}),
        envelope("INTERACTION_CREATE", command("kimi", "x") | {of_command: value}, {}),
        {"t": "MESSAGE_CREATE", "d": message(), "javis": value},
    ):
        try:
            parse_event(raw, ME)
        except Unparsable:
            continue


@pytest.mark.parametrize(
    ("event", "data", "update_id"),
    [
        ("MESSAGE_CREATE", message(), "message-1400000000000000005"),
        ("MESSAGE_UPDATE", message(edited_timestamp="2026-11-20T08:31:00+00:00"),
         "edit-1400000000000000005-2026-11-20T08:31:00+00:00"),
        ("INTERACTION_CREATE", command("kimi"), "interaction-1400000000000000006"),
    ],
)  # fmt: skip
def test_the_same_event_has_the_same_id_by_whatever_way_it_comes(
    event: str, data: dict[str, Any], update_id: str
) -> None:
    assert raw_update(envelope(event, data, {})).update_id == update_id
    fetched = {**data, "guild_id": None}
    assert raw_update(envelope(event, fetched, {"parent": CHANNEL})).update_id == update_id


def test_an_event_without_an_id_is_kept_under_its_content() -> None:
    first, second = (raw_update(envelope("MESSAGE_CREATE", {"odd": "\ud800", "n": n}, {})) for n in (1, 2))
    assert first.update_id.startswith("unreadable-")
    assert first.update_id != second.update_id
    assert json.loads(first.raw)["d"]["odd"] == "\ufffd"
