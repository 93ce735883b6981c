from datetime import UTC, datetime

import pytest

from bot.pipeline.gate import Gate
from channels.config import ChannelConfig, GroupConfig, TopicConfig
from channels.message import Destination, InboundMessage
from routing.address import Address, Peer, PeerKind


def said(
    kind: PeerKind = "direct",
    sender: str | None = "7",
    *,
    thread: str | None = None,
    guild: str | None = None,
    mentioned: bool = False,
    bot: bool = False,
) -> InboundMessage:
    peer = Peer(kind, sender or "0" if kind == "direct" else "-5")
    return InboundMessage(
        address=Address("telegram", "default", peer, thread, guild, sender=sender),
        origin=Destination("telegram", "default", peer.id, thread),
        message_id="1",
        text="hi",
        sender_name="somebody",
        sent_at=datetime(2026, 1, 1, tzinfo=UTC),
        mentioned=mentioned,
        sender_is_bot=bot,
    )


DIRECT = {
    "default": (ChannelConfig(), "dm_not_paired"),
    "open": (ChannelConfig(dm_policy="open"), None),
    "disabled": (ChannelConfig(dm_policy="disabled", owners=["7"]), "dm_disabled"),
    "allowlist": (ChannelConfig(dm_policy="allowlist", allow_from=["7"]), None),
    "empty allowlist": (ChannelConfig(dm_policy="allowlist"), "dm_not_on_allowlist"),
    "owner": (ChannelConfig(owners=["7"]), None),
    "allowed while pairing": (ChannelConfig(allow_from=["7"]), None),
}


@pytest.mark.parametrize("case", DIRECT)
def test_direct_message(case: str) -> None:
    config, reason = DIRECT[case]
    refusal = Gate({"telegram": config}).refusal(said(), addressed=False)
    assert (refusal and refusal.reason) == reason


def test_paired_person_is_let_in() -> None:
    gate = Gate({"telegram": ChannelConfig()})
    gate.paired = frozenset({("telegram", "default", "7")})
    assert gate.refusal(said(), addressed=False) is None
    assert gate.refusal(said(sender="8"), addressed=False) is not None


QUIET = {"require_mention": False}
GROUPS = {
    "default": (ChannelConfig(), "group_not_on_allowlist"),
    "listed, not mentioned": (ChannelConfig(groups={"-5": GroupConfig()}), "not_mentioned"),
    "listed, no mention needed": (ChannelConfig(groups={"-5": GroupConfig(require_mention=False)}), None),
    "open": (ChannelConfig(group_policy="open", require_mention=False), None),
    "disabled": (ChannelConfig(group_policy="disabled", owners=["7"]), "group_disabled"),
    "owner anywhere": (ChannelConfig(owners=["7"], require_mention=False), None),
    "group's own people": (
        ChannelConfig(groups={"-5": GroupConfig(allow_from=["8"], require_mention=False)}),
        "sender_not_on_allowlist",
    ),
    "topic switched off": (
        ChannelConfig(groups={"-5": GroupConfig(topics={"42": TopicConfig(policy="disabled")})}),
        "group_disabled",
    ),
    "topic needs no mention": (
        ChannelConfig(groups={"-5": GroupConfig(topics={"42": TopicConfig(require_mention=False)})}),
        None,
    ),
}


@pytest.mark.parametrize("case", GROUPS)
def test_group_message(case: str) -> None:
    config, reason = GROUPS[case]
    refusal = Gate({"telegram": config}).refusal(said("group", thread="42"), addressed=False)
    assert (refusal and refusal.reason) == reason


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({"99": GroupConfig(require_mention=False)}, None),
        ({"99": GroupConfig()}, "not_mentioned"),
        ({"99": GroupConfig(require_mention=False), "-5": GroupConfig(policy="disabled")}, "group_disabled"),
        ({"99": GroupConfig(allow_from=["8"]), "-5": GroupConfig(require_mention=False)}, "sender_not_on_allowlist"),
        ({"98": GroupConfig(require_mention=False)}, "group_not_on_allowlist"),
    ],
)
def test_a_listed_server_stands_behind_its_channels(groups: dict[str, GroupConfig], reason: str | None) -> None:
    gate = Gate({"telegram": ChannelConfig(groups=groups)})
    refusal = gate.refusal(said("channel", guild="99", thread="42"), addressed=False)
    assert (refusal and refusal.reason) == reason


@pytest.mark.parametrize("how", ["mentioned", "addressed"])
def test_command_or_mention_satisfies_the_rule(how: str) -> None:
    gate = Gate({"telegram": ChannelConfig(group_policy="open")})
    assert gate.refusal(said("group", mentioned=how == "mentioned"), addressed=how == "addressed") is None


def test_bots_and_nobody_are_refused_everywhere() -> None:
    gate = Gate({"telegram": ChannelConfig(dm_policy="open", group_policy="open")})
    reasons = [gate.refusal(said(bot=True), addressed=True), gate.refusal(said("group", None), addressed=True)]
    assert [refusal and refusal.reason for refusal in reasons] == ["from_a_bot", "no_sender"]


def test_bots_are_answered_where_it_is_set_but_not_for_ever() -> None:
    gate = Gate({"telegram": ChannelConfig(group_policy="open", answer_bots=True)})

    def reason(*, bot: bool, thread: str | None = None) -> str | None:
        refusal = gate.refusal(said("group", thread=thread, bot=bot), addressed=True)
        return None if refusal is None else refusal.reason

    assert [reason(bot=True) for _ in range(5)] == [None, None, None, "bots_in_a_row", "bots_in_a_row"]
    assert reason(bot=True, thread="42") is None
    assert reason(bot=False) is None
    assert reason(bot=True) is None


def test_bot_that_is_let_in_must_meet_the_same_rules_as_people() -> None:
    gate = Gate({"telegram": ChannelConfig(answer_bots=True)})
    refusal = gate.refusal(said("group", bot=True), addressed=True)
    assert refusal is not None
    assert refusal.reason == "group_not_on_allowlist"


def test_chats_in_which_bots_spoke_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pipeline.gate.MOST_CHATS", 2)
    gate = Gate({"telegram": ChannelConfig(group_policy="open", answer_bots=True)})
    for thread in ("1", "2", "3"):
        gate.refusal(said("group", thread=thread, bot=True), addressed=True)
    assert len(gate._bots_in_a_row) == 2
