from collections.abc import Mapping

import pytest

from routing.address import Address, Peer
from routing.errors import InvalidSessionKey, NoSender
from routing.session_key import DmScope, SessionKey, parse_session_key, people_by_id, session_key

NOBODY: Mapping[str, str] = {}
LINKS = people_by_id({"alice": ["Telegram:77", "discord:88"]})


def direct(channel: str, person: str, account: str = "default") -> Address:
    return Address(channel, account, Peer("direct", person), sender=person)


@pytest.mark.parametrize(
    ("scope", "key"),
    [
        ("main", "agent:ops:main"),
        ("per-peer", "agent:ops:direct:77"),
        ("per-channel-peer", "agent:ops:telegram:direct:77"),
        ("per-account-channel-peer", "agent:ops:telegram:work:direct:77"),
    ],
)
def test_direct_chat_takes_the_key_of_its_scope(scope: DmScope, key: str) -> None:
    assert session_key("ops", direct("telegram", "77", "Work"), scope, NOBODY) == key


@pytest.mark.parametrize(
    ("address", "key"),
    [
        (Address("telegram", "a", Peer("group", "-100")), "agent:ops:telegram:group:-100"),
        (Address("telegram", "a", Peer("group", "-100"), "42"), "agent:ops:telegram:group:-100:topic:42"),
        (Address("discord", "a", Peer("channel", "5")), "agent:ops:discord:channel:5"),
        (Address("discord", "a", Peer("channel", "5"), "6"), "agent:ops:discord:channel:5:thread:6"),
        (Address("webhook", "a", Peer("group", "Room")), "agent:ops:webhook:group:room"),
    ],
)
@pytest.mark.parametrize("scope", ["main", "per-peer", "per-channel-peer", "per-account-channel-peer"])
def test_shared_chat_has_one_key_in_every_scope(address: Address, key: str, scope: DmScope) -> None:
    assert session_key("ops", address, scope, LINKS) == key


@pytest.mark.parametrize(
    ("scope", "telegram", "discord"),
    [
        ("main", "agent:ops:main", "agent:ops:main"),
        ("per-peer", "agent:ops:direct:alice", "agent:ops:direct:alice"),
        ("per-channel-peer", "agent:ops:telegram:direct:alice", "agent:ops:discord:direct:alice"),
        ("per-account-channel-peer", "agent:ops:telegram:x:direct:alice", "agent:ops:discord:x:direct:alice"),
    ],
)
def test_linked_ids_are_one_person_in_every_scope_but_main(scope: DmScope, telegram: str, discord: str) -> None:
    assert session_key("ops", direct("telegram", "77", "x"), scope, LINKS) == telegram
    assert session_key("ops", direct("discord", "88", "x"), scope, LINKS) == discord


def test_same_number_on_another_platform_is_another_person() -> None:
    assert session_key("ops", direct("discord", "77"), "per-channel-peer", LINKS) == "agent:ops:discord:direct:77"


@pytest.mark.parametrize("scope", ["main", "per-peer", "per-channel-peer", "per-account-channel-peer"])
def test_direct_message_without_sender_has_no_key(scope: DmScope) -> None:
    with pytest.raises(NoSender):
        session_key("ops", Address("webhook", "a", Peer("direct", "77")), scope, LINKS)


def test_id_with_colons_cannot_pass_for_another_chats_topic() -> None:
    forged = session_key("ops", Address("webhook", "a", Peer("group", "1:topic:2")), "main", NOBODY)
    meant = session_key("ops", Address("webhook", "a", Peer("group", "1"), "2"), "main", NOBODY)
    assert forged == "agent:ops:webhook:group:1%3atopic%3a2" != meant
    assert parse_session_key(forged).id == "1:topic:2"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("agent:ops:main", SessionKey("ops", "main")),
        ("agent:ops:heartbeat", SessionKey("ops", "heartbeat")),
        ("agent:ops:cron:daily-report", SessionKey("ops", "cron", "daily-report")),
        ("agent:ops:task:kimi-1700000000-0f", SessionKey("ops", "task", "kimi-1700000000-0f")),
        ("agent:ops:direct:7", SessionKey("ops", "direct", "7")),
        ("agent:ops:telegram:direct:7", SessionKey("ops", "direct", "7", "telegram")),
        ("agent:ops:telegram:work:direct:7", SessionKey("ops", "direct", "7", "telegram", "work")),
        ("agent:ops:telegram:group:-100", SessionKey("ops", "group", "-100", "telegram")),
        ("agent:ops:telegram:group:-100:topic:42", SessionKey("ops", "group", "-100", "telegram", thread="42")),
        ("agent:ops:discord:channel:5:thread:6", SessionKey("ops", "channel", "5", "discord", thread="6")),
    ],
)
def test_key_is_parsed_and_written_back(text: str, key: SessionKey) -> None:
    assert parse_session_key(text) == key
    assert str(key) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("agent:ops:dm:7", "agent:ops:direct:7"),
        ("agent:ops:telegram:dm:7", "agent:ops:telegram:direct:7"),
        ("agent:ops:telegram:work:dm:7", "agent:ops:telegram:work:direct:7"),
        ("agent:ops:cli:root", "agent:ops:cli:direct:root"),
        ("Agent:Ops:Telegram:Group:-100", "agent:ops:telegram:group:-100"),
    ],
)
def test_older_form_is_read_as_the_present_one(text: str, canonical: str) -> None:
    assert str(parse_session_key(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        "agent",
        "agent:ops",
        "agent::main",
        "agent:ops:",
        "agents:ops:main",
        "agent:ops:cron",
        "agent:ops:telegram",
        "agent:ops:telegram:direct",
        "agent:ops:telegram:room:5",
        "agent:ops:telegram:group:5:thread:6",
        "agent:ops:telegram:group:5:topic:",
        "agent:ops:telegram:group:5:topic:6:7",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidSessionKey, match="is no session key"):
        parse_session_key(text)
