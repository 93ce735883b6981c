"""Bindings in the forms of OpenClaw and of claw0's two editions, and what they mean there.

OpenClaw    {agentId, match: {channel, accountId, peer: {kind, id}, guildId, roles}}: of the closest kind the first;
            no accountId means the account `default`, "*" means any.
claw0, 1st  {agent_id, channel, account_id, peer_id, peer_kind, guild_id, priority}: the highest priority, then the
            first; `peer_id` is read as the chat's id, which in a direct chat is the person's.
claw0, 2nd  {agent_id, tier, match_key, match_value, priority}: the lowest tier, its highest priority, then the first.

A group and a channel are one kind there, and a binding for an agent that is not there is the default agent's.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from routing.address import PeerKind
from routing.binding import Match, PeerPattern
from routing.first_match import Rule

Form = Literal["OpenClaw", "claw0 (first edition)", "claw0 (second edition)"]

_OPENCLAW_KEYS: Final = frozenset({"agentId", "accountId", "guildId", "teamId"})
_CLAW0_KEYS: Final = frozenset({"agent_id", "account_id", "peer_id", "peer_kind", "guild_id"})
_SECOND_KEYS: Final = frozenset({"match_key", "match_value"})
_ROOM: Final[Mapping[str, PeerKind]] = {"telegram": "group", "discord": "channel"}
"""How platforms here call what holds several people."""
_SECOND_FIELDS: Final = ("peer_id", "guild_id", "account_id", "channel", "default")  # by tier, from 1


@dataclass(frozen=True, slots=True)
class Foreign:
    """What bindings in another form say: the first rule that fits decides.

    `notes` tell what has no counterpart here, each with the place of its binding in the list.
    """

    form: Form
    rules: Sequence[Rule]
    notes: Sequence[tuple[int, str]]


def form_of(binding: Any) -> Form | None:
    """The form in which a binding is written; None: in ours, or in none that is known."""
    if not isinstance(binding, Mapping):
        return None
    match = binding.get("match")
    inside: Mapping[str, Any] = match if isinstance(match, Mapping) else {}
    if _SECOND_KEYS & binding.keys():
        return "claw0 (second edition)"
    if _OPENCLAW_KEYS & binding.keys() or _OPENCLAW_KEYS & inside.keys():
        return "OpenClaw"
    return "claw0 (first edition)" if _CLAW0_KEYS & binding.keys() else None


def translate(bindings: Sequence[Any], agents: Collection[str], default_agent: str) -> Foreign | None:
    """The rules of a list that is all in one foreign form; None for any other list."""
    forms = {form_of(binding) for binding in bindings}
    form = forms.pop() if len(forms) == 1 else None
    if form is None:
        return None
    read: Mapping[Form, Callable[[Mapping[str, Any]], _Read]] = {
        "OpenClaw": _openclaw,
        "claw0 (first edition)": _first_edition,
        "claw0 (second edition)": _second_edition,
    }
    found: list[tuple[tuple[int, int], Rule]] = []
    notes: list[tuple[int, str]] = []
    for place, binding in enumerate(bindings):
        said = read[form](binding)
        notes += [(place, note) for note in said.notes]
        agent = said.agent
        if agent not in agents:
            notes.append((place, f"agent {agent!r} is not there, so {default_agent!r} answers as it did"))
            agent = default_agent
        found += [((said.rank, place), Rule(agent, match, place)) for match in said.matches]
    ordered = sorted(found, key=lambda each: each[0])
    return Foreign(form, [rule for _, rule in ordered], notes)


@dataclass(frozen=True, slots=True)
class _Read:
    """One binding: the patterns that it stands for (none: it never fits); the lowest rank is tried first."""

    agent: str
    rank: int
    matches: Sequence[Match] = ()
    notes: Sequence[str] = ()


def _openclaw(binding: Mapping[str, Any]) -> _Read:
    match = _mapping(binding.get("match"))
    agent, channel = _text(binding.get("agentId")).lower(), _text(match.get("channel")).lower()
    account, guild = _text(match.get("accountId")) or "default", _text(match.get("guildId")) or None
    roles = match.get("roles") or []
    peer, has_peer = _mapping(match.get("peer")), match.get("peer") is not None
    kind, id_ = _text(peer.get("kind")).lower(), _text(peer.get("id"))
    notes = [f"`{key}` means nothing here" for key in binding if key not in {"agentId", "match", "comment"}]
    if not channel or (has_peer and not (kind and id_)):
        return _Read(agent, 0, (), [*notes, "it lacks its channel, or its peer is not whole: it never fitted"])
    if not isinstance(roles, list):
        return _Read(agent, 0, (), [*notes, "its roles are no list: it never fits"])
    if match.get("teamId"):
        return _Read(agent, 0, (), [*notes, "`teamId` has no counterpart here: it is left out"])
    if has_peer:
        rank = 1 if id_ == "*" else 0
    else:
        rank = 2 if guild and roles else 3 if guild else 6 if account == "*" else 5
    chat, _, thread = id_.partition(":topic:")
    matches = [
        Match(
            channel=channel,
            account=None if account == "*" else account,
            peer=PeerPattern(each, None if id_ in {"", "*"} else chat),
            thread=thread or None,
            guild=guild,
            roles=frozenset(map(str, roles)),
        )
        for each in _kinds(kind, channel)
    ]
    return _Read(agent, rank, matches, notes)


def _first_edition(binding: Mapping[str, Any]) -> _Read:
    channel = _text(binding.get("channel")).lower() or None
    chat, _, thread = _text(binding.get("peer_id")).partition(":topic:")
    notes = [f"`{key}` means nothing here" for key in binding if key not in {*_CLAW0_KEYS, "channel", "priority"}]
    matches = [
        Match(
            channel=channel,
            account=_text(binding.get("account_id")) or None,
            peer=PeerPattern(kind, chat or None),
            thread=thread or None,
            guild=_text(binding.get("guild_id")) or None,
        )
        for kind in _kinds(_text(binding.get("peer_kind")).lower(), channel)
    ]
    return _Read(_text(binding.get("agent_id")) or "main", -_number(binding.get("priority")), matches, notes)


def _second_edition(binding: Mapping[str, Any]) -> _Read:
    agent, tier = _text(binding.get("agent_id")) or "main", _number(binding.get("tier"))
    key, value = _text(binding.get("match_key")), _text(binding.get("match_value"))
    rank = tier * 1_000_000 - _number(binding.get("priority"))
    if not 1 <= tier <= len(_SECOND_FIELDS) or _SECOND_FIELDS[tier - 1] != key:
        return _Read(agent, rank, (), [f"tier {tier} never looks at {key!r}: it never fitted"])
    if key == "peer_id":
        channel, colon, rest = value.partition(":")
        chat, _, thread = (rest if colon else value).partition(":topic:")
        match = Match(channel=channel if colon else None, peer=PeerPattern(None, chat), thread=thread or None)
    else:
        match = {
            "guild_id": Match(guild=value),
            "account_id": Match(account=value),
            "channel": Match(channel=value),
            "default": Match(),
        }[key]
    return _Read(agent, rank, (match,))


def _kinds(kind: str, channel: str | None) -> Iterator[PeerKind | None]:
    """The kinds here that a kind there stands for."""
    if kind in {"", "direct", "dm"}:
        yield "direct" if kind else None
    elif kind in get_args(PeerKind):
        known = None if channel is None else _ROOM.get(channel)
        yield from ("group", "channel") if known is None else (known,)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, Mapping | list | bool) else str(value).strip()


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
