"""What may be spent in a day, and what a call costs. Pure.

A day is reckoned in three scopes: the whole bot (`all`), the agent (`agent:<id>`), the chat (`peer:<channel>:<chat>`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from bot.providers.meter import Asker
from bot.providers.port import Usage

ALL: Final = "all"
MILLION: Final = 1_000_000


class Price(Protocol):
    """Of a million tokens; `cached` None: those cost what the others cost."""

    @property
    def prompt(self) -> float: ...
    @property
    def cached(self) -> float | None: ...
    @property
    def completion(self) -> float: ...


class Limit(Protocol):
    """Of one day. None: no limit."""

    @property
    def tokens(self) -> int | None: ...
    @property
    def money(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Spent:
    """What a scope has used in a day. `micros` are millionths of the currency; `cached` are part of `tokens`."""

    calls: int = 0
    tokens: int = 0
    cached: int = 0
    micros: int = 0

    def reaches(self, limit: Limit) -> bool:
        """True when nothing is left."""
        by_tokens = limit.tokens is not None and self.tokens >= limit.tokens
        return by_tokens or (limit.money is not None and self.micros >= round(limit.money * MILLION))


class Budgets(Protocol):
    """The settings: `bot` for all together, `agent` and `peer` for each, `agents` and `peers` for some by name."""

    @property
    def bot(self) -> Limit: ...
    @property
    def agent(self) -> Limit: ...
    @property
    def peer(self) -> Limit: ...
    @property
    def agents(self) -> Mapping[str, Limit]: ...
    @property
    def peers(self) -> Mapping[str, Limit]: ...


def limits_of(asker: Asker, budgets: Budgets) -> Iterator[tuple[str, Limit]]:
    """(scope, limit) of everything that a call of `asker` is charged to."""
    yield ALL, budgets.bot
    yield agent_scope(asker.agent), budgets.agents.get(asker.agent, budgets.agent)
    if asker.peer is not None:
        yield peer_scope(asker.peer), budgets.peers.get(asker.peer, budgets.peer)


def agent_scope(agent: str) -> str:
    return f"agent:{agent}"


def peer_scope(peer: str) -> str:
    return f"peer:{peer}"


def cost_micros(usage: Usage, price: Price | None) -> int:
    """In millionths of the currency; 0 where nobody said what the model costs."""
    if price is None:
        return 0
    cached = min(usage.cached, usage.prompt)
    cached_price = price.prompt if price.cached is None else price.cached
    # A price a million tokens is a price in millionths a token.
    return round((usage.prompt - cached) * price.prompt + cached * cached_price + usage.completion * price.completion)
