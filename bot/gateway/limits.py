"""How much one caller may ask: a bucket of permits that fills at a steady rate, for each caller one."""

from collections import OrderedDict
from typing import Final

from channels.clock import Clock

MOST_CALLERS: Final = 10_000


class RateLimit:
    """`per_second` permits a second, up to `burst` saved; None: no limit. The callers longest silent are forgotten."""

    def __init__(self, clock: Clock, per_second: float | None, burst: int) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller → (permits, at)

    def take(self, caller: str) -> float:
        """0.0 when the caller may go on, otherwise the seconds until they may."""
        if self._per_second is None:
            return 0.0
        now = self._clock.monotonic()
        permits, at = self._buckets.pop(caller, (float(self._burst), now))
        permits = min(float(self._burst), permits + (now - at) * self._per_second)
        wait = 0.0 if permits >= 1 else (1 - permits) / self._per_second
        self._buckets[caller] = (permits - 1 if wait == 0.0 else permits, now)
        if len(self._buckets) > MOST_CALLERS:
            self._buckets.popitem(last=False)
        return wait
