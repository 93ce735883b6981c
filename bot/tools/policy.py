"""Who may have which tool done. Pure.

A name pattern is a tool's name, where `*` stands for any characters (`web_*`). Nothing that is not named is allowed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bot.tools.port import Audience


@dataclass(frozen=True, slots=True)
class Policy:
    """`by_audience` are patterns for each kind of conversation."""

    by_audience: Mapping[Audience, Sequence[str]]

    def allows(self, name: str, audience: Audience, of_agent: Sequence[str] | None) -> bool:
        """`of_agent` None: the agent sets no limit of its own."""
        return _fits(name, self.by_audience.get(audience, ())) and (of_agent is None or _fits(name, of_agent))


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
