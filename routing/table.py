"""The compiled table: from an address to the agent that answers it, by look-ups alone.

Bindings that give the same fields share one dictionary from the fields' values to the best of them. A tier asks one
dictionary for each combination of fields that its bindings use (in most files one), so the time to an answer does
not depend on how many bindings there are.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Final

from typing_extensions import override

from routing.address import Address
from routing.binding import Binding, Tier
from routing.session_key import DmScope, people_by_id, session_key


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where no binding does. `identity_links`: a person's name → their ids as `<channel>:<id>`."""

    agent: str = "main"
    dm_scope: DmScope = "per-channel-peer"
    identity_links: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers, and in which session. `binding` is None where the default agent answers."""

    agent: str
    session_key: str
    tier: Tier
    binding: Binding | None


_NAMING_A_CHAT: Final = frozenset({Tier.THREAD, Tier.PEER})

_Entry = tuple[int, Tier, Binding]
"""A binding and its rank: a lower rank decides over a higher one of the same tier."""


class _Lookup:
    """The bindings of one tier that give the same fields (`names`, attributes of Address)."""

    __slots__ = ("_entries", "_read")

    def __init__(self, names: Sequence[str]) -> None:
        self._read: Callable[[Address], Hashable] = attrgetter(*names) if names else _nothing
        self._entries: dict[Hashable, _Entry] = {}

    def add(self, values: tuple[str, ...], entry: _Entry) -> None:
        """Keep `entry` for these values of the fields, unless one of a lower rank was added for them before."""
        self._entries.setdefault(_as_read(values), entry)

    def find(self, address: Address) -> _Entry | None:
        return self._entries.get(self._read(address))


class _LookupByRole(_Lookup):
    """The same for bindings that ask for one of some roles besides."""

    __slots__ = ()

    @override
    def add(self, values: tuple[str, ...], entry: _Entry) -> None:
        for role in entry[2].match.roles:
            self._entries.setdefault((_as_read(values), role), entry)

    @override
    def find(self, address: Address) -> _Entry | None:
        if not address.roles:
            return None
        values = self._read(address)
        best: _Entry | None = None
        for role in address.roles:
            entry = self._entries.get((values, role))
            if entry is not None and (best is None or entry[0] < best[0]):
                best = entry
        return best


class Table:
    """Bindings made ready. Never changes: a changed file makes a new table."""

    def __init__(self, bindings: Iterable[Binding], defaults: Defaults) -> None:
        self.bindings: Final = tuple(bindings)
        self.defaults: Final = defaults
        self._people = people_by_id(defaults.identity_links)
        self._tiers = _compiled(self.bindings)

    def resolve(self, address: Address, formerly: str | None = None) -> Route:
        """Where `address` leads: always somewhere, always the same. Raises NoSender (see `session_key`).

        `formerly` is the id that its chat had before it moved: a binding that names that one still holds, unless
        one names the new id. The session is the new id's.
        """
        route = self._resolve(address)
        if formerly is None or route.tier in _NAMING_A_CHAT:
            return route
        before = self._resolve(replace(address, peer=replace(address.peer, id=formerly)))
        if before.tier not in _NAMING_A_CHAT:
            return route
        key = session_key(before.agent, address, self.defaults.dm_scope, self._people)
        return replace(before, session_key=key)

    def _resolve(self, address: Address) -> Route:
        entry = self._find(address)
        binding = None if entry is None else entry[2]
        agent = self.defaults.agent if binding is None else binding.agent
        key = session_key(agent, address, self.defaults.dm_scope, self._people)
        return Route(agent, key, Tier.DEFAULT if entry is None else entry[1], binding)

    def _find(self, address: Address) -> _Entry | None:
        for lookups in self._tiers:
            best: _Entry | None = None
            for lookup in lookups:
                entry = lookup.find(address)
                if entry is not None and (best is None or entry[0] < best[0]):
                    best = entry
            if best is not None:
                return best
        return None


def _compiled(bindings: Sequence[Binding]) -> Sequence[Sequence[_Lookup]]:
    """The look-ups of each tier that has bindings, strongest tier first."""
    tiers: dict[Tier, dict[tuple[tuple[str, ...], bool], _Lookup]] = {tier: {} for tier in Tier}
    for rank, binding in enumerate(sorted(bindings, key=lambda binding: binding.standing)):
        for match in (binding.match, binding.match.as_thread):
            if match is None:
                continue
            fields = match.fields
            names = tuple(name for name, _ in fields)
            values = tuple(value for _, value in fields)
            by_role = bool(match.roles)
            lookups = tiers[match.tier]
            lookup = lookups.get((names, by_role))
            if lookup is None:
                lookup = lookups[names, by_role] = _LookupByRole(names) if by_role else _Lookup(names)
            lookup.add(values, (rank, match.tier, binding))
    return [tuple(lookups.values()) for lookups in tiers.values() if lookups]


def _as_read(values: tuple[str, ...]) -> Hashable:
    """The values in attrgetter's form: one stands alone."""
    return values[0] if len(values) == 1 else values


def _nothing(_: Any) -> Hashable:
    return ()
