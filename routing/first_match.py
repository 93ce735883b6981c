"""From a list in which the first that fits decides to bindings, in which the closest does, without changing a decision.

Where a later rule would win here because it is closer, the earlier one is written once more with the later one's fields
added: that one is at least as close, and fits only where the earlier one did.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from routing.binding import Binding, Match, PeerPattern, Tier

_Closeness = tuple[int, int]
_STRENGTH = {tier: -place for place, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of another program, with the place of what it was made from. `place` grows along the file."""

    agent: str
    match: Match
    place: int


class _Shelves:
    """The places of rules: by chat, and of those that name none by guild (None: neither)."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._all = range(len(rules))
        self._by_chat: dict[str, list[int]] = {}
        self._by_guild: dict[str | None, list[int]] = {}
        self._chatless: list[int] = []
        for index, rule in enumerate(rules):
            if rule.match.peer.id is not None:
                self._by_chat.setdefault(rule.match.peer.id, []).append(index)
            else:
                self._by_guild.setdefault(rule.match.guild, []).append(index)
                self._chatless.append(index)

    def in_reach(self, late: Match) -> Iterable[int]:
        """Those that may meet `late` and be less close: of thousands of chats and guilds only its own."""
        if late.peer.id is not None:
            return (*self._by_chat.get(late.peer.id, ()), *self._chatless)
        if late.thread is None and late.guild is not None:
            return (*self._by_guild.get(late.guild, ()), *self._by_guild.get(None, ()))
        return self._all


def as_bindings(rules: Sequence[Rule]) -> list[tuple[Rule, Binding]]:
    """Bindings that decide as `rules` do, in the order of the file; each with the rule it came from.

    Rules that an earlier one always forestalls are left out where they would decide here.
    """
    ordered = _closed(list(rules))
    priorities = _priorities(ordered)
    pairs = [
        (rule, Binding(rule.agent, rule.match, priority)) for rule, priority in zip(ordered, priorities, strict=True)
    ]
    return [pairs[index] for index in sorted(range(len(pairs)), key=lambda index: (pairs[index][0].place, index))]


def covers(wide: Match, narrow: Match) -> bool:
    """True when every address that fits `narrow` fits `wide`."""
    given = dict(narrow.fields)
    if any(given.get(name) != value for name, value in wide.fields):
        return False
    return not wide.roles or (bool(narrow.roles) and narrow.roles <= wide.roles)


def meet(one: Match, other: Match) -> bool:
    """True when some address may fit both. Two rooms are two places, also where one is a thread of the other."""
    given = dict(one.fields)
    return all(given.get(name, value) == value for name, value in other.fields)


def both(one: Match, other: Match) -> Match:
    """`one`, narrowed by the fields of `other`; roles stay its own where it has any."""
    return Match(
        channel=one.channel or other.channel,
        account=one.account or other.account,
        peer=PeerPattern(one.peer.kind or other.peer.kind, one.peer.id or other.peer.id),
        thread=one.thread or other.thread,
        guild=one.guild or other.guild,
        roles=one.roles or other.roles,
        sender=one.sender or other.sender,
    )


def _closed(rules: list[Rule]) -> list[Rule]:
    """The list with all that is needed for the closest to be the first."""
    near = [_closeness(rule.match) for rule in rules]
    shelves = _Shelves(rules)
    index = 0
    while index < len(rules):
        change = _change(rules, near, shelves, index)
        if change is None:
            index += 1
            continue
        if isinstance(change, int):
            del rules[change], near[change]
        else:
            index, rule = change  # it may overtake others itself
            rules.insert(index, rule)
            near.insert(index, _closeness(rule.match))
        shelves = _Shelves(rules)
    return rules


def _change(
    rules: Sequence[Rule], near: Sequence[_Closeness], shelves: _Shelves, index: int
) -> int | tuple[int, Rule] | None:
    """What keeps earlier rules from losing to the one at `index`: `index`, to leave it out, or where to add what."""
    late = rules[index]
    for place in shelves.in_reach(late.match):
        before = rules[place]
        if place >= index or near[place] >= near[index] or before.agent == late.agent:
            continue
        if not meet(before.match, late.match):
            continue
        if covers(before.match, late.match):
            return index
        narrowed = both(before.match, late.match)
        forestalled = any(covers(rule.match, narrowed) for rule in rules[:place])
        if not forestalled and all(rule.match != narrowed for rule in rules[:index]):
            return place + 1, replace(before, match=narrowed)
    return None


def _closeness(match: Match) -> _Closeness:
    return _STRENGTH[match.tier], match.field_count


def _priorities(rules: Sequence[Rule]) -> list[int]:
    """So that of equally close rules the earlier decides, wherever both stand in the file."""
    alike: dict[tuple[_Closeness, str | None], list[int]] = {}
    for index, rule in enumerate(rules):
        one_chat = rule.match.peer.id or (rule.match.guild if rule.match.tier is Tier.GUILD else None)
        alike.setdefault((_closeness(rule.match), one_chat), []).append(index)
    priorities = [0] * len(rules)
    for indices in alike.values():
        for at in reversed(range(len(indices))):
            rule = rules[indices[at]]
            for other in indices[at + 1 :]:
                late = rules[other]
                if meet(rule.match, late.match):
                    needed = priorities[other] + (late.place < rule.place)
                    priorities[indices[at]] = max(priorities[indices[at]], needed)
    return priorities
