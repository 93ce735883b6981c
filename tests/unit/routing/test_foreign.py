"""Other programs' bindings decide here as they did there, told by models of those programs written for these tests."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.address import Address, Peer, PeerKind
from routing.binding import Binding, Match, PeerPattern
from routing.document import FileFaults, parse_document
from routing.errors import CannotEdit
from routing.file import read_bindings
from routing.first_match import as_bindings
from routing.foreign import form_of, translate
from routing.migration import migrate
from routing.table import Defaults, Table

AGENTS: Final = ("main", "a", "b", "c")
FEW: Final = settings(max_examples=400)
Json = Mapping[str, Any]


def openclaw(bindings: Sequence[Json], address: Address) -> str:
    """Peer, parent peer, guild and roles, guild, account, channel; in each the first of the file."""

    def fits(binding: Json, peer: tuple[str, str] | None) -> bool:
        match = binding["match"]
        account, wanted = match.get("accountId", "default"), match.get("peer")
        rooms = {"group", "channel"}
        return (
            match["channel"] == address.channel
            and account in {"*", address.account}
            and match.get("guildId") in {None, address.guild}
            and (not match.get("roles") or bool(set(match["roles"]) & address.roles))
            and (
                wanted is None
                or (
                    peer is not None
                    and wanted["id"] == peer[1]
                    and (wanted["kind"].replace("dm", "direct") == peer[0] or {wanted["kind"], peer[0]} <= rooms)
                )
            )
        )

    def first(chosen: Any, peer: tuple[str, str] | None) -> str | None:
        return next((each["agentId"] for each in bindings if chosen(each["match"]) and fits(each, peer)), None)

    chat = (address.peer.kind, address.peer.id)
    inner = None
    if address.thread is not None and address.peer.kind == "group":
        inner = ("group", f"{address.peer.id}:topic:{address.thread}")
    elif address.thread is not None and address.peer.kind == "channel":
        inner = ("channel", address.thread)
    steps = (
        (lambda match: "peer" in match, inner or chat),
        (lambda match: "peer" in match, chat if inner else None),
        (lambda match: match.get("guildId") and match.get("roles"), inner or chat),
        (lambda match: match.get("guildId") and not match.get("roles"), inner or chat),
        (lambda match: match.get("accountId", "default") != "*", inner or chat),
        (lambda match: match.get("accountId") == "*", inner or chat),
    )
    return next((agent for chosen, peer in steps if (agent := first(chosen, peer))), "main")


def first_edition(bindings: Sequence[Json], address: Address) -> str:
    """By priority, then in the order of the file; what is left out fits all."""
    kind = "direct" if address.peer.kind == "direct" else "group"
    facts = {
        "channel": address.channel,
        "account_id": address.account,
        "peer_id": address.peer.id,
        "peer_kind": kind,
        "guild_id": address.guild,
    }
    for binding in sorted(bindings, key=lambda each: -each.get("priority", 0)):
        if all(facts[key] == value for key, value in binding.items() if key in facts):
            return str(binding["agent_id"])
    return "main"


def second_edition(bindings: Sequence[Json], address: Address) -> str:
    """By tier, then by priority, then in the order of the file."""
    for binding in sorted(bindings, key=lambda each: (each["tier"], -each.get("priority", 0))):
        tier, key, value = binding["tier"], binding["match_key"], binding["match_value"]
        peer = address.peer.id
        if (
            (tier == 1 and key == "peer_id" and value in {peer, f"{address.channel}:{peer}"})
            or (tier == 2 and key == "guild_id" and value == address.guild)
            or (tier == 3 and key == "account_id" and value == address.account)
            or (tier == 4 and key == "channel" and value == address.channel)
            or (tier == 5 and key == "default")
        ):
            return str(binding["agent_id"])
    return "main"


def some(**values: Any) -> Any:
    """A mapping with any of these keys."""
    return st.fixed_dictionaries({}, optional=values)


IDS: Final = st.sampled_from(["1", "2"])
CHANNELS: Final = st.sampled_from(["telegram", "discord", "irc"])
NAMES: Final = st.sampled_from(["a", "b", "c"])
ROLES: Final = st.lists(IDS, min_size=1, max_size=2, unique=True)
OPENCLAW: Final = st.lists(
    st.builds(
        lambda agent, channel, match: {"agentId": agent, "match": {"channel": channel, **match}},
        NAMES,
        CHANNELS,
        some(
            accountId=st.sampled_from(["*", "work", "default"]),
            peer=st.fixed_dictionaries(
                {
                    "kind": st.sampled_from(["dm", "direct", "group", "channel"]),
                    "id": st.sampled_from(["1", "2", "1:topic:2"]),
                }
            ),
            guildId=IDS,
            roles=ROLES,
        ),
    ),
    min_size=1,
    max_size=6,
)
FIRST: Final = st.lists(
    st.builds(
        lambda agent, rest: {"agent_id": agent, **rest},
        NAMES,
        some(
            channel=CHANNELS,
            account_id=st.sampled_from(["default", "work"]),
            peer_id=IDS,
            peer_kind=st.sampled_from(["direct", "group"]),
            guild_id=IDS,
            priority=st.integers(0, 3),
        ),
    ),
    min_size=1,
    max_size=6,
)
KEYS: Final = {
    "peer_id": st.sampled_from(["1", "2", "telegram:1", "irc:2"]),
    "guild_id": IDS,
    "account_id": st.sampled_from(["default", "work"]),
    "channel": CHANNELS,
    "default": st.just("*"),
}
SECOND: Final = st.lists(
    st.sampled_from(list(enumerate(KEYS, 1))).flatmap(
        lambda key: st.fixed_dictionaries(
            {
                "agent_id": NAMES,
                "tier": st.just(key[0]) | st.integers(1, 5),
                "match_key": st.just(key[1]),
                "match_value": KEYS[key[1]],
            },
            optional={"priority": st.integers(0, 3)},
        )
    ),
    min_size=1,
    max_size=6,
)


@st.composite
def addresses(draw: st.DrawFn, *, threads: bool) -> Address:
    """As the platforms here make them: rooms are groups in Telegram, channels in Discord, either elsewhere."""
    channel = draw(CHANNELS)
    rooms: dict[str, list[PeerKind]] = {"telegram": ["direct", "group"], "discord": ["direct", "channel"]}
    kind = draw(st.sampled_from(rooms.get(channel, ["direct", "group", "channel"])))
    address = Address(channel, draw(st.sampled_from(["default", "work", "spare"])), Peer(kind, draw(IDS)), sender="9")
    if kind == "direct":
        return replace(address, sender=address.peer.id)
    thread = draw(st.none() | st.sampled_from(["1", "2"])) if threads else None
    if kind == "channel" and thread == address.peer.id:
        thread = None  # a thread and the channel that holds it have two ids
    return replace(address, guild=draw(st.none() | IDS), roles=draw(st.frozensets(IDS)), thread=thread)


def decided(bindings: Sequence[Json], address: Address) -> str:
    """Who answers here after the translation."""
    foreign = translate(bindings, AGENTS, "main")
    assert foreign is not None
    made = [binding for _, binding in as_bindings(foreign.rules)]
    return Table(made, Defaults()).resolve(address).agent


@FEW
@given(OPENCLAW, addresses(threads=True))
def test_openclaws_decisions_stay(bindings: Sequence[Json], address: Address) -> None:
    assert decided(bindings, address) == openclaw(bindings, address)


@FEW
@given(FIRST, addresses(threads=False))
def test_claw0s_first_editions_decisions_stay(bindings: Sequence[Json], address: Address) -> None:
    assert decided(bindings, address) == first_edition(bindings, address)


@FEW
@given(SECOND, addresses(threads=False))
def test_claw0s_second_editions_decisions_stay(bindings: Sequence[Json], address: Address) -> None:
    assert decided(bindings, address) == second_edition(bindings, address)


@pytest.mark.parametrize(
    ("binding", "form"),
    [
        ({"agentId": "a", "match": {"channel": "irc"}}, "OpenClaw"),
        ({"agent": "a", "match": {"accountId": "*"}}, "OpenClaw"),
        ({"agent_id": "a"}, "claw0 (first edition)"),
        ({"agent_id": "a", "tier": 5, "match_key": "default", "match_value": "*"}, "claw0 (second edition)"),
        ({"agent": "a", "match": {"channel": "irc"}}, None),
        ("a", None),
    ],
)
def test_form_is_told_by_its_keys(binding: Any, form: str | None) -> None:
    assert form_of(binding) == form


def test_mixed_forms_are_not_translated() -> None:
    assert translate([{"agentId": "a", "match": {}}, {"agent_id": "a"}], AGENTS, "main") is None
    assert translate([], AGENTS, "main") is None


def test_missing_account_is_the_default_one_and_unknown_agent_the_default_agent() -> None:
    foreign = translate([{"agentId": "Ghost", "match": {"channel": "Telegram"}}], AGENTS, "main")
    assert foreign is not None
    assert [(rule.agent, rule.match) for rule in foreign.rules] == [("main", Match("telegram", "default"))]
    assert foreign.notes == [(0, "agent 'ghost' is not there, so 'main' answers as it did")]


def test_priority_is_written_only_where_the_file_says_otherwise() -> None:
    rules = translate(
        [
            {"agent_id": "a", "guild_id": "1", "priority": 1},
            {"agent_id": "b", "guild_id": "1", "priority": 9},
            {"agent_id": "c", "peer_id": "5", "priority": 30},
        ],
        AGENTS,
        "main",
    )
    assert rules is not None
    assert [binding for _, binding in as_bindings(rules.rules)] == [
        Binding("a", Match(guild="1")),
        Binding("b", Match(guild="1"), 1),
        Binding("c", Match(peer=PeerPattern(None, "5"))),
    ]


ANYTHING: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "*", "main", "telegram", "direct", "-1", "a:topic:b"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "kind", "list"]), inner),
    max_leaves=4,
)
THEIRS: Final[Sequence[dict[str, Any]]] = (
    {"agentId": "a", "match": {"channel": "telegram", "peer": {"kind": "dm", "id": "5"}, "guildId": "1"}},
    {"agent_id": "a", "channel": "telegram", "peer_id": "5", "peer_kind": "direct", "guild_id": "1", "priority": 3},
    {"agent_id": "a", "tier": 1, "match_key": "peer_id", "match_value": "telegram:5", "priority": 1},
)


@st.composite
def odd_bindings(draw: st.DrawFn) -> list[Any]:
    """One of theirs, with anything in the place of one of its values."""
    binding = dict(draw(st.sampled_from(THEIRS)))
    binding[draw(st.sampled_from(sorted(binding)))] = draw(ANYTHING)
    match = binding.get("match")
    if isinstance(match, dict):
        inside = draw(st.sampled_from(["channel", "peer", "guildId", "roles", "accountId", "teamId"]))
        binding["match"] = {**match, inside: draw(ANYTHING)}
    return [binding]


@FEW
@given(st.dictionaries(st.sampled_from(["agents", "defaults", "session"]), ANYTHING), odd_bindings())
def test_nothing_that_stands_in_their_files_breaks_the_reader(file: dict[str, Any], bindings: list[Any]) -> None:
    """A running bot reads whatever is saved."""
    text = json.dumps({**file, "bindings": bindings})
    with suppress(FileFaults):
        read_bindings(parse_document(text, "b.yaml"))
    with suppress(FileFaults, CannotEdit):
        migrate(text, "b.json")


def test_roles_that_are_no_list_fit_nobody() -> None:
    """To leave them out would let everybody in."""
    match = {"channel": "discord", "guildId": "5", "roles": "1"}
    found = translate([{"agentId": "a", "match": match}], AGENTS, "main")
    assert found is not None
    assert (found.rules, found.notes) == ([], [(0, "its roles are no list: it never fits")])
