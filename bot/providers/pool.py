"""Which way to a model is taken: fair by weight among those that are not left alone just now."""

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from bot.providers.breaker import Breakers
from bot.providers.cooldown import Cooldowns
from bot.providers.way import Way

MINUTE_MS: Final = 60_000


class Pool:
    """Chooses among the ways of one name. A way that cools down, or has had its calls of this minute, is not chosen."""

    def __init__(self, cooldowns: Cooldowns, breakers: Breakers) -> None:
        self._cooldowns = cooldowns
        self._breakers = breakers
        self._credits: dict[Way, int] = {}
        self._calls: dict[Way, deque[int]] = {}

    def pick(self, ways: Iterable[Way], now_ms: int, tried: Collection[Way] = ()) -> Way | None:
        """The way whose turn it is, none of `tried`; its call counts from now. None: there is none for now.

        Smooth weighted round robin: each ready way earns its weight, the richest is taken and pays what all earned.
        """
        ready = [way for way in ways if way not in tried and self.ready_ms(way) <= now_ms]
        if not ready:
            return None
        for way in ready:
            self._credits[way] = self._credits.get(way, 0) + way.weight
        chosen = max(ready, key=lambda way: self._credits[way])
        self._credits[chosen] -= sum(way.weight for way in ready)
        self._note_call(chosen, now_ms)
        return chosen

    def ready_ms(self, way: Way) -> int:
        """When the way may be taken again, in unix milliseconds; a time that has passed: now."""
        cooldown = self._cooldowns.of(way.id)
        calls = self._calls.get(way)
        return max(
            0 if cooldown is None else cooldown.until_ms,
            self._breakers.open_until_ms(way.id.server),
            calls[0] + MINUTE_MS if calls and len(calls) == way.rpm else 0,
        )

    def soonest_ms(self, ways: Sequence[Way]) -> int | None:
        """When the first of `ways` may be taken; None where there is no way at all."""
        return min((self.ready_ms(way) for way in ways), default=None)

    def _note_call(self, way: Way, now_ms: int) -> None:
        self._breakers.calling(way.id.server, now_ms)
        if way.rpm is not None:
            self._calls.setdefault(way, deque(maxlen=way.rpm)).append(now_ms)
