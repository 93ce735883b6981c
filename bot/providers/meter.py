"""The seam to whoever counts what calls cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.providers.attempt import Attempt
from bot.providers.port import Usage


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a model is asked. `peer` is `<channel>:<chat>`, None where no chat is behind it."""

    agent: str
    peer: str | None = None


class Meter(Protocol):
    """Checks before each call and charges after it."""

    async def check(self, asker: Asker) -> None:
        """Raises BudgetSpent."""
        ...

    def charge(self, asker: Asker, attempt: Attempt, usage: Usage, price_names: Sequence[str]) -> None:
        """`usage` is all zeros where the provider told nothing; the first of `price_names` that has a price holds.

        Never raises, never waits.
        """
        ...
