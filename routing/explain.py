"""Why an address leads where it does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from routing.address import Address
from routing.binding import Binding, Tier
from routing.errors import NoSender
from routing.notation import match_data
from routing.table import Route, Table


@dataclass(frozen=True, slots=True)
class TierTried:
    """One tier, and those of its bindings that fit the address: the first of them decides."""

    tier: Tier
    fitting: tuple[Binding, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The tiers that were tried, strongest first, the last one decided. `route` None: refused, see `refusal`."""

    tried: tuple[TierTried, ...]
    route: Route | None
    refusal: str | None

    def lines(self) -> Sequence[str]:
        """For people: a line for each tier, what else fitted in the last one, then agent and session key."""
        *passed, decided = self.tried
        lines = [_line(tried.tier.value, "no binding fits") for tried in passed]
        if decided.fitting:
            lines += [_line(decided.tier.value, f"→ {describe(decided.fitting[0])}")]
            lines += [_line("", f"  fits too, but stands behind: {describe(other)}") for other in decided.fitting[1:]]
        else:
            lines += [_line(decided.tier.value, "→ no binding fits: the default agent answers")]
        if self.route is None:
            return [*lines, _line("refused", f"{self.refusal}")]
        return [*lines, _line("agent", self.route.agent), _line("session", self.route.session_key)]

    def to_json(self) -> Mapping[str, Any]:
        """The same for programs. `winner` is null where the default agent answers."""
        decided = self.tried[-1]
        return {
            "tiers": [
                {"tier": tried.tier.value, "bindings": [_json(binding) for binding in tried.fitting]}
                for tried in self.tried
            ],
            "tier": decided.tier.value,
            "winner": _json(decided.fitting[0]) if decided.fitting else None,
            "agent": self.route and self.route.agent,
            "session_key": self.route and self.route.session_key,
            "refusal": self.refusal,
        }


def explain(table: Table, address: Address) -> Explanation:
    """How `table` comes to its answer, told by trying every binding one by one: slow, and the same answer."""
    try:
        route, refusal = table.resolve(address), None
    except NoSender as error:
        route, refusal = None, str(error)
    return Explanation(tuple(_tried(table, address)), route, refusal)


def _tried(table: Table, address: Address) -> Iterator[TierTried]:
    fitting: dict[Tier, list[Binding]] = {tier: [] for tier in Tier}
    for binding in sorted(table.bindings, key=lambda binding: binding.standing):
        tier = binding.match.tier_at(address)
        if tier is not None:
            fitting[tier].append(binding)
    for tier, bindings in fitting.items():
        yield TierTried(tier, tuple(bindings))
        if bindings:
            return


def describe(binding: Binding) -> str:
    """A binding in one line: `ops for channel telegram, peer.id -100 (line 7)`."""
    fields = [f"{name} {value}" for name, value in binding.match.fields]
    if binding.match.roles:
        fields.append(f"roles {' or '.join(sorted(binding.match.roles))}")
    where = f" (line {binding.line})" if binding.line is not None else ""
    return f"{binding.agent} for {', '.join(fields) or 'everything'}{where}"


def _line(head: str, text: str) -> str:
    return f"{head:<12} {text}"


def _json(binding: Binding) -> Mapping[str, Any]:
    return {
        "agent": binding.agent,
        "match": match_data(binding.match),
        "priority": binding.priority,
        "line": binding.line,
    }
