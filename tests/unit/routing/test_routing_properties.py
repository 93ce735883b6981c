"""What holds for every table and every address, drawn from small sets of ids so that they meet often."""

from dataclasses import replace
from random import Random
from typing import Final, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.address import Address, Peer, PeerKind
from routing.binding import Binding, Match, PeerPattern, Tier
from routing.entries import AgentEntry
from routing.errors import NoSender
from routing.explain import explain
from routing.file import BindingsFile
from routing.lint import lint
from routing.session_key import DmScope, SessionKey, parse_session_key, session_key
from routing.table import Defaults, Table

FEW: Final = settings(max_examples=200)
IDS: Final = st.sampled_from(["1", "2", "3"])
CHANNELS: Final = st.sampled_from(["telegram", "discord"])
KINDS: Final = st.sampled_from(get_args(PeerKind))
ROLES: Final = st.frozensets(IDS, max_size=2)
ACCOUNTS: Final = st.sampled_from(["home", "work"])
TEXT: Final = st.text(st.sampled_from("aB1:%3-топик "), min_size=1, max_size=8)
SPARSE: Final = (
    Match(),
    Match(peer=PeerPattern("direct")),
    Match(peer=PeerPattern("group")),
    Match(peer=PeerPattern("channel")),
    Match(peer=PeerPattern(id="1")),
    Match(peer=PeerPattern("channel", "1")),
    Match(thread="1"),
    Match(thread="1", peer=PeerPattern("channel")),
    Match(roles=frozenset({"1"})),
    Match(roles=frozenset({"2"})),
    Match(roles=frozenset({"1", "2"})),
    Match(guild="1"),
    Match(channel="discord"),
    Match(sender="1"),
)
NEVER_DECIDES: Final = ("duplicate", "shadowed", "unreachable")


def _as_platforms_do(address: Address) -> Address:
    """In a direct chat the peer is the sender, and there is no guild."""
    if address.peer.kind != "direct":
        return address
    return replace(address, sender=address.peer.id, guild=None, roles=frozenset())


ADDRESSES: Final = st.builds(
    Address,
    CHANNELS,
    ACCOUNTS,
    st.builds(Peer, KINDS, IDS),
    thread=st.none() | IDS,
    guild=st.none() | IDS,
    roles=ROLES,
    sender=IDS,
).map(_as_platforms_do)

MATCHES: Final = st.builds(
    Match,
    channel=st.none() | CHANNELS,
    account=st.none() | ACCOUNTS,
    peer=st.builds(PeerPattern, st.none() | KINDS, st.none() | IDS),
    thread=st.none() | IDS,
    guild=st.none() | IDS,
    roles=ROLES,
    sender=st.none() | IDS,
)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Bindings in lines 1, 2, … of which no two are equal; one field or two are the most common."""
    sparse = st.sampled_from(SPARSE) | MATCHES
    drawn = draw(st.lists(st.tuples(st.sampled_from(["a", "b"]), sparse, st.integers(0, 2)), max_size=12))
    bindings = [Binding(agent, match, priority, line) for line, (agent, match, priority) in enumerate(drawn, 1)]
    return Table(bindings, Defaults())


def idle_lines(table: Table) -> set[int | None]:
    """The lines of which lint says that they never decide."""
    agents = tuple(AgentEntry(id=id_) for id_ in ("main", "a", "b"))
    found = lint(BindingsFile(agents, table.bindings, table.defaults), lambda *_: None)
    return {finding.line for finding in found if finding.message.startswith(NEVER_DECIDES)}


def example(match: Match, kind: PeerKind) -> Address:
    """An address that fits `match` and as little else as can be."""
    person = match.sender or (match.peer.id if kind == "direct" else None) or "nobody"
    peer = match.peer.id or (person if kind == "direct" else "nowhere")
    return Address(
        match.channel or "irc",
        match.account or "none",
        Peer(kind, peer),
        match.thread,
        match.guild,
        match.roles,
        person,
    )


@FEW
@given(tables(), ADDRESSES)
def test_every_address_leads_to_one_agent_and_a_key_that_reads_back(table: Table, address: Address) -> None:
    route = table.resolve(address)
    assert route.agent in {"main", "a", "b"}
    assert route == Table(table.bindings, table.defaults).resolve(address)
    assert str(parse_session_key(route.session_key)) == route.session_key
    assert parse_session_key(route.session_key).agent == route.agent


@FEW
@given(tables(), ADDRESSES)
def test_table_decides_as_trying_each_binding_would(table: Table, address: Address) -> None:
    explanation = explain(table, address)
    decided = explanation.tried[-1]
    route = table.resolve(address)
    assert explanation.route == route
    assert route.tier is decided.tier
    assert route.binding is (decided.fitting[0] if decided.fitting else None)
    assert [tried.tier for tried in explanation.tried] == list(Tier)[: len(explanation.tried)]


@FEW
@given(tables(), ADDRESSES, st.randoms(use_true_random=False))
def test_order_in_the_file_matters_only_between_equals(table: Table, address: Address, random: Random) -> None:
    shuffled = list(table.bindings)
    random.shuffle(shuffled)
    route, other = table.resolve(address), Table(shuffled, table.defaults).resolve(address)
    assert other.tier is route.tier
    assert other.binding is route.binding or (
        route.binding is not None and other.binding is not None and route.binding.standing == other.binding.standing
    )


@FEW
@given(tables(), ADDRESSES)
def test_what_never_decides_by_lint_decides_nowhere(table: Table, address: Address) -> None:
    binding = table.resolve(address).binding
    assert binding is None or binding.line not in idle_lines(table)


@FEW
@given(tables())
def test_what_lint_passes_decides_somewhere(table: Table) -> None:
    idle = idle_lines(table)
    direct: Final = {None, "direct"}
    senders_decide = any(each.match.sender and each.match.peer.kind in direct for each in table.bindings)
    for binding in table.bindings:
        match = binding.match
        if binding.line in idle or (match.peer.kind in direct and senders_decide):
            continue  # in a direct chat the peer speaks for the sender, which lint follows only where both are named
        kinds = get_args(PeerKind) if match.peer.kind is None else [match.peer.kind]
        roles = [frozenset({role}) for role in match.roles] or [frozenset[str]()]
        examples = [example(replace(match, roles=role), kind) for kind in kinds for role in roles]
        assert any(table.resolve(each).binding is binding for each in examples), binding


@FEW
@given(ADDRESSES, st.sampled_from(get_args(DmScope)))
def test_message_that_names_nobody_never_lands_in_a_direct_session(address: Address, scope: DmScope) -> None:
    table = Table([], Defaults(dm_scope=scope))
    nobody = replace(address, sender=None)
    if address.peer.kind == "direct":
        with pytest.raises(NoSender):
            table.resolve(nobody)
    else:
        assert parse_session_key(table.resolve(nobody).session_key).kind == address.peer.kind


@FEW
@given(TEXT, TEXT, TEXT, KINDS, st.sampled_from(get_args(DmScope)))
def test_key_keeps_every_id_whatever_its_signs(
    account: str, peer: str, thread: str, kind: PeerKind, scope: DmScope
) -> None:
    address = Address("webhook", account, Peer(kind, peer), thread, sender=peer)
    key = parse_session_key(session_key("main", address, scope, {}))
    assert key == parse_session_key(str(key))
    if kind != "direct":
        assert key == SessionKey("main", kind, peer.lower(), "webhook", thread=thread.lower())
    elif scope == "per-account-channel-peer":
        assert key == SessionKey("main", "direct", peer.lower(), "webhook", account.lower())
