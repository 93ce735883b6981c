"""Faults that a person or a test switches on: what shall go wrong, where, and how often."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

FaultKind = Literal[
    "rate_limit",  # 429, nothing recorded
    "server_error",  # 5xx, nothing recorded
    "disconnect",  # the connection drops before anything is recorded
    "lose_answer",  # recorded, then the connection drops
    "delay",  # recorded and answered, but late
    "refuse",  # the model's own refusals
    "not_json",  # the model answers with something that is not JSON
    "slow",  # the model's stream comes piece by piece, with a pause before each
    "break_off",  # the model's stream ends half way with an error of its own
]
TELEGRAM_FAULTS: Final[Sequence[FaultKind]] = ("rate_limit", "server_error", "disconnect", "lose_answer", "delay")
DISCORD_FAULTS: Final[Sequence[FaultKind]] = TELEGRAM_FAULTS
MODEL_FAULTS: Final[Sequence[FaultKind]] = (
    "refuse",
    "disconnect",
    "lose_answer",
    "not_json",
    "delay",
    "slow",
    "break_off",
)

ANYWHERE: Final = "*"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    `target` is the method it hits, ANYWHERE all of them. `remaining` is how often it will still happen, None until it
    is cleared. `seconds` is the delay, the pause, or what a 429 asks to wait; `status` belongs to `server_error`,
    `reason` (a key of `refusals.REFUSALS`) to `refuse`.
    """

    kind: FaultKind
    target: str = ANYWHERE
    remaining: int | None = None
    seconds: float = 1.0
    status: int = 500
    reason: str = ""


class Faults:
    """The faults that are on. One per kind and target; switching one on again replaces it."""

    def __init__(self, kinds: Iterable[FaultKind]) -> None:
        self._kinds = frozenset(kinds)
        self._faults: dict[tuple[FaultKind, str], Fault] = {}

    @property
    def active(self) -> Sequence[Fault]:
        return tuple(self._faults.values())

    def switch_on(
        self,
        kind: FaultKind,
        target: str = ANYWHERE,
        *,
        count: int | None = None,
        seconds: float = 1.0,
        status: int = 500,
        reason: str = "",
    ) -> None:
        """Let `kind` happen to the next `count` calls of `target`; None: until it is cleared.

        Raises ValueError for a kind that this platform does not have and for a count below one.
        """
        if kind not in self._kinds:
            raise ValueError(f"no fault {kind!r} here, only {', '.join(sorted(self._kinds))}")
        if count is not None and count < 1:
            raise ValueError("a fault happens at least once")
        self._faults[kind, target] = Fault(kind, target, count, seconds, status, reason)

    def clear(self, kind: FaultKind | None = None, target: str | None = None) -> None:
        """Switch off what fits; None fits everything."""
        for key in [*self._faults]:
            if kind in {None, key[0]} and target in {None, key[1]}:
                del self._faults[key]

    def take(self, target: str) -> dict[FaultKind, Fault]:
        """What goes wrong with this one call of `target`, by kind. Counts it."""
        hits: dict[FaultKind, Fault] = {}
        for fault in [*self._faults.values()] if self._faults else ():
            if fault.target in {target, ANYWHERE}:
                hits[fault.kind] = fault
                self._count(fault)
        return hits

    def _count(self, fault: Fault) -> None:
        if fault.remaining is None:
            return
        if fault.remaining == 1:
            del self._faults[fault.kind, fault.target]
        else:
            self._faults[fault.kind, fault.target] = replace(fault, remaining=fault.remaining - 1)
