"""One case for each tier and each rule of precedence."""

import pytest

from routing.address import Address, Peer, PeerKind
from routing.binding import Binding, Match, PeerPattern, Tier
from routing.errors import NoSender
from routing.table import Defaults, Table

TOPIC = Address("telegram", "default", Peer("group", "-100"), thread="42", sender="7")
THREAD = Address(
    "discord", "default", Peer("channel", "500"), thread="600", guild="1", roles=frozenset({"11", "12"}), sender="8"
)
PRIVATE = Address("telegram", "work", Peer("direct", "7"), sender="7")

BY_TIER = (
    (Match(peer=PeerPattern("channel", "500"), thread="600"), Tier.THREAD),
    (Match(peer=PeerPattern(id="500")), Tier.PEER),
    (Match(sender="8"), Tier.SENDER),
    (Match(guild="1", roles=frozenset({"11"})), Tier.GUILD_ROLES),
    (Match(guild="1"), Tier.GUILD),
    (Match(account="default"), Tier.ACCOUNT),
    (Match(channel="discord"), Tier.CHANNEL),
    (Match(), Tier.DEFAULT),
)


def winner(address: Address, *matches: Match) -> int | None:
    """The place of the match that decides; None: the default agent answers."""
    bindings = [Binding(f"agent-{place}", match) for place, match in enumerate(matches)]
    binding = Table(bindings, Defaults()).resolve(address).binding
    return None if binding is None else bindings.index(binding)


@pytest.mark.parametrize("strongest", range(len(BY_TIER)))
def test_strongest_tier_decides_whatever_the_order_and_priority(strongest: int) -> None:
    rest = BY_TIER[strongest:]
    bindings = [Binding(tier.value, match, priority=place) for place, (match, tier) in enumerate(rest)]
    for order in (bindings, bindings[::-1]):
        route = Table(order, Defaults()).resolve(THREAD)
        assert (route.tier, route.agent) == (rest[0][1], rest[0][1].value)


def test_nothing_fits_default_agent_answers() -> None:
    route = Table([Binding("ops", Match(channel="discord"))], Defaults(agent="butler")).resolve(PRIVATE)
    assert (route.agent, route.tier, route.binding) == ("butler", Tier.DEFAULT, None)
    assert route.session_key == "agent:butler:telegram:direct:7"


@pytest.mark.parametrize(
    "almost",
    [
        Match(channel="telegram", sender="8"),
        Match(account="work", sender="8"),
        Match(peer=PeerPattern("group", "500")),
        Match(peer=PeerPattern("channel", "501")),
        Match(peer=PeerPattern(id="500"), thread="601"),
        Match(guild="2", sender="8"),
        Match(guild="1", roles=frozenset({"13"})),
        Match(peer=PeerPattern(id="500"), roles=frozenset({"13"})),
        Match(channel="discord", sender="9"),
    ],
)
def test_one_field_differs_binding_does_not_fit(almost: Match) -> None:
    assert winner(THREAD, almost) is None


@pytest.mark.parametrize("roles", [{"11"}, {"12"}, {"13", "12"}, {"11", "12"}])
def test_one_role_of_several_suffices(roles: set[str]) -> None:
    assert winner(THREAD, Match(guild="1", roles=frozenset(roles))) == 0


def test_two_roles_fit_two_bindings_priority_decides_between_them() -> None:
    low, high = (
        Binding(agent, Match(guild="1", roles=frozenset({role})), priority)
        for agent, role, priority in (("low", "11", 1), ("high", "12", 2))
    )
    assert Table([low, high], Defaults()).resolve(THREAD).binding is high


def test_topic_inherits_the_binding_of_its_chat() -> None:
    assert winner(TOPIC, Match(channel="telegram", peer=PeerPattern("group", "-100"))) == 0


def test_topic_with_its_own_binding_leaves_the_chat_to_the_other() -> None:
    chat, topic = Match(peer=PeerPattern(id="-100")), Match(peer=PeerPattern(id="-100"), thread="42")
    assert winner(TOPIC, chat, topic) == 1
    assert winner(Address("telegram", "default", Peer("group", "-100"), thread="43", sender="7"), chat, topic) == 0


@pytest.mark.parametrize("kind", [None, "channel"])
def test_peer_id_that_is_a_discord_threads_own_counts_as_that_thread(kind: PeerKind | None) -> None:
    own, chat = Match(peer=PeerPattern(kind, "600")), Match(peer=PeerPattern("channel", "500"), sender="8")
    assert winner(THREAD, chat, own) == 1
    assert Table([Binding("a", own)], Defaults()).resolve(THREAD).tier is Tier.THREAD


def test_peer_id_that_equals_a_topics_number_is_not_that_topic() -> None:
    assert winner(TOPIC, Match(peer=PeerPattern(id="42"))) is None
    assert winner(TOPIC, Match(peer=PeerPattern("direct", "42"))) is None


@pytest.mark.parametrize("kind", ["direct", "group"])
def test_peer_of_another_kind_is_never_read_as_a_thread(kind: PeerKind) -> None:
    assert winner(THREAD, Match(peer=PeerPattern(kind, "600"))) is None


def test_peer_id_beside_a_thread_means_the_chat_only() -> None:
    assert winner(THREAD, Match(peer=PeerPattern(id="600"), thread="600")) is None


def test_more_fields_decide_within_a_tier_before_priority() -> None:
    fewer = Binding("fewer", Match(peer=PeerPattern(id="-100")), priority=9)
    more = Binding("more", Match(channel="telegram", peer=PeerPattern(id="-100")))
    assert Table([fewer, more], Defaults()).resolve(TOPIC).binding is more


def test_as_many_fields_higher_priority_decides() -> None:
    first = Binding("first", Match(channel="telegram", sender="7"))
    second = Binding("second", Match(account="default", sender="7"), priority=1)
    assert Table([first, second], Defaults()).resolve(TOPIC).binding is second


def test_as_many_fields_and_equal_priority_first_in_file_decides() -> None:
    assert winner(TOPIC, Match(channel="telegram", sender="7"), Match(account="default", sender="7")) == 0
    assert winner(TOPIC, Match(account="default", sender="7"), Match(channel="telegram", sender="7")) == 0


def test_kind_alone_stands_before_its_tiers_other_bindings_and_behind_any_id() -> None:
    channel, kind = Match(channel="telegram"), Match(channel="telegram", peer=PeerPattern("direct"))
    account, person = Match(account="work"), Match(peer=PeerPattern("direct", "7"))
    assert winner(PRIVATE, channel, kind) == 1
    assert winner(PRIVATE, kind, account) == 1
    assert winner(PRIVATE, kind, account, person) == 2
    assert winner(TOPIC, kind) is None


def test_kind_alone_without_other_fields_stands_before_the_default_agent() -> None:
    route = Table([Binding("all", Match()), Binding("private", Match(peer=PeerPattern("direct")))], Defaults())
    assert route.resolve(PRIVATE).agent == "private"
    assert route.resolve(TOPIC).agent == "all"


@pytest.mark.parametrize("scope", ["main", "per-channel-peer"])
def test_direct_message_without_sender_is_refused(scope: str) -> None:
    defaults = Defaults(dm_scope="main") if scope == "main" else Defaults()
    with pytest.raises(NoSender):
        Table([Binding("main", Match())], defaults).resolve(Address("webhook", "a", Peer("direct", "x")))


def test_group_message_without_sender_keeps_to_its_group() -> None:
    route = Table([], Defaults(dm_scope="main")).resolve(Address("telegram", "a", Peer("group", "-1")))
    assert route.session_key == "agent:main:telegram:group:-1"


def test_identity_links_of_the_file_reach_the_session_key() -> None:
    links = {"alice": ("telegram:7", "discord:8")}
    table = Table([], Defaults(dm_scope="per-peer", identity_links=links))
    assert table.resolve(PRIVATE).session_key == "agent:main:direct:alice"
