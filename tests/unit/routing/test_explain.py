import json

from routing.address import Address, Peer
from routing.binding import Binding, Match, PeerPattern
from routing.explain import explain
from routing.table import Defaults, Table

TABLE = Table(
    [
        Binding("all", Match(channel="telegram"), line=3),
        Binding("ops", Match(channel="telegram", peer=PeerPattern("group", "-100")), line=4),
        Binding("night", Match(peer=PeerPattern(id="-100")), priority=5, line=5),
        Binding("staff", Match(channel="discord", guild="1", roles=frozenset({"12", "11"})), line=6),
    ],
    Defaults(),
)


def test_every_tier_down_to_the_deciding_one_is_told() -> None:
    explanation = explain(TABLE, Address("telegram", "default", Peer("group", "-100"), thread="42", sender="7"))
    assert explanation.lines() == [
        "thread       no binding fits",
        "peer         → ops for channel telegram, peer.kind group, peer.id -100 (line 4)",
        "               fits too, but stands behind: night for peer.id -100 (line 5)",
        "agent        ops",
        "session      agent:ops:telegram:group:-100:topic:42",
    ]


def test_default_agent_is_told_after_all_tiers() -> None:
    lines = explain(TABLE, Address("web", "default", Peer("direct", "u"), sender="u")).lines()
    tiers = ["thread", "peer", "sender", "guild+roles", "guild", "account", "channel"]
    assert lines[:7] == [f"{tier:<12} no binding fits" for tier in tiers]
    assert lines[7:] == [
        "default      → no binding fits: the default agent answers",
        "agent        main",
        "session      agent:main:web:direct:u",
    ]


def test_json_tells_the_winner_as_the_file_has_it() -> None:
    address = Address("discord", "default", Peer("channel", "5"), guild="1", roles=frozenset({"11"}), sender="8")
    told = json.loads(json.dumps(explain(TABLE, address).to_json()))
    winner = {
        "agent": "staff",
        "match": {"channel": "discord", "guild": "1", "roles": ["11", "12"]},
        "priority": 0,
        "line": 6,
    }
    assert told == {
        "tiers": [
            {"tier": "thread", "bindings": []},
            {"tier": "peer", "bindings": []},
            {"tier": "sender", "bindings": []},
            {"tier": "guild+roles", "bindings": [winner]},
        ],
        "tier": "guild+roles",
        "winner": winner,
        "agent": "staff",
        "session_key": "agent:staff:discord:channel:5",
        "refusal": None,
    }


def test_refusal_is_told_in_place_of_an_agent() -> None:
    explanation = explain(TABLE, Address("telegram", "default", Peer("direct", "7")))
    assert explanation.lines()[-1] == "refused      a direct message in telegram names no sender"
    assert explanation.to_json()["agent"] is None
    assert explanation.to_json()["refusal"] == "a direct message in telegram names no sender"
