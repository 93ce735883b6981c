import re

import pytest

from routing.address import PeerKind
from routing.binding import Binding, Match, PeerPattern
from routing.entries import AgentEntry
from routing.file import BindingsFile
from routing.lint import Finding, IdKind, lint
from routing.table import Defaults


def id_problem(channel: str, kind: IdKind, id_: str) -> str | None:
    """A platform whose ids are all digits, with a sign for peers."""
    if channel != "telegram" or re.fullmatch(r"-?\d+" if kind == "peer" else r"\d+", id_):
        return None
    return "ids are numbers there"


def findings(*matches: Match, agent: str = "main", default: str = "main") -> list[Finding]:
    """What lint says of these matches, the first of which stands in line 1."""
    bindings = tuple(Binding(agent, match, line=line) for line, match in enumerate(matches, 1))
    return lint(BindingsFile((AgentEntry(id="main"),), bindings, Defaults(agent=default)), id_problem)


def roles(*names: str) -> Match:
    return Match(guild="1", roles=frozenset(names))


def test_file_in_order_has_no_findings() -> None:
    assert findings(Match(channel="telegram"), Match(channel="telegram", peer=PeerPattern("group", "-1"))) == []


def test_same_match_twice_is_a_duplicate_in_the_line_that_never_decides() -> None:
    assert findings(Match(sender="5"), Match(channel="web"), Match(sender="5")) == [
        Finding(3, "error", "duplicate: main for sender 5 (line 1) has the same match and decides")
    ]


def test_duplicate_with_lower_priority_is_the_one_that_is_told() -> None:
    match = Match(sender="5")
    bindings = (Binding("main", match, line=1), Binding("main", match, priority=1, line=2))
    found = lint(BindingsFile((AgentEntry(id="main"),), bindings, Defaults()), id_problem)
    assert [finding.line for finding in found] == [1]


def test_roles_that_others_hold_all_are_shadowed() -> None:
    (finding,) = findings(roles("11"), roles("12"), roles("11", "12"))
    assert finding.line == 3
    assert finding.message.startswith("shadowed, others always decide before it: main for guild 1, roles 11 (line 1);")


def test_one_role_left_over_is_not_shadowed() -> None:
    assert findings(roles("11"), roles("11", "12")) == []


def test_bindings_for_every_kind_of_peer_shadow_the_one_for_any() -> None:
    by_kind = [Match(channel="web", peer=PeerPattern(kind)) for kind in ("direct", "group", "channel")]
    assert [finding.line for finding in findings(Match(channel="web"), *by_kind)] == [1]
    assert findings(Match(channel="web"), *by_kind[1:]) == []


def test_discord_threads_own_id_as_peer_shadows_that_thread() -> None:
    own, thread = Match(peer=PeerPattern("channel", "5")), Match(peer=PeerPattern("channel"), thread="5")
    assert [finding.line for finding in findings(own, thread)] == [2]
    assert findings(thread, own) == []


def test_guild_has_no_direct_chats_so_two_kinds_shadow_the_one_for_any() -> None:
    by_kind = [Match(guild="1", peer=PeerPattern(kind)) for kind in ("group", "channel")]
    assert [finding.line for finding in findings(*by_kind, Match(guild="1"))] == [3]


@pytest.mark.parametrize(
    "match",
    [
        Match(guild="1", peer=PeerPattern("direct")),
        Match(roles=frozenset({"11"}), peer=PeerPattern("direct", "5")),
        Match(sender="6", peer=PeerPattern("direct", "5")),
    ],
)
def test_fields_that_contradict_each_other_are_unreachable(match: Match) -> None:
    (finding,) = findings(match)
    assert finding.severity == "error"
    assert finding.message.startswith("unreachable: ")


@pytest.mark.parametrize("kind", [None, "direct"])
def test_person_named_twice_shadows_the_one_named_once(kind: PeerKind | None) -> None:
    twice = Match(peer=PeerPattern(kind, "5"), sender="5")
    assert [finding.line for finding in findings(twice, Match(peer=PeerPattern("direct", "5")))] == [2]


def test_unknown_agents_are_told() -> None:
    assert findings(Match(), agent="opps", default="butler") == [
        Finding(None, "error", "unknown agent 'butler': add it under `agents`, or name one that is there"),
        Finding(1, "error", "unknown agent 'opps': add it under `agents`, or name one that is there"),
    ]


def test_ids_that_cannot_occur_are_told_for_the_platform_that_is_named() -> None:
    wrong = Match("telegram", None, PeerPattern("group", "x"), "-4", "g", frozenset({"r"}), "s")
    assert [finding.message for finding in findings(wrong)] == [
        f"{kind} {id_!r} cannot occur in telegram: ids are numbers there"
        for kind, id_ in (("peer", "x"), ("thread", "-4"), ("guild", "g"), ("sender", "s"), ("role", "r"))
    ]
    assert findings(Match("web", sender="s"), Match(sender="t")) == []


def test_telegram_topic_without_its_chat_is_a_warning() -> None:
    (finding,) = findings(Match(channel="telegram", thread="42"))
    assert (finding.line, finding.severity) == (1, "warning")
    assert findings(Match(channel="telegram", peer=PeerPattern(id="-1"), thread="42")) == []
