"""Discord's rate limits: so many calls of a route in a window, for each channel apart, and 50 a second in all.

https://discord.com/developers/docs/topics/rate-limits. The figures are those that Discord was seen to send; it
documents none, and asks to read them from the headers.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from channels.clock import Clock

GLOBAL: Final = (50, 1.0)
USUAL: Final = (10, 10.0)
BY_NAME: Final[Mapping[str, tuple[int, float]]] = {
    "createMessage": (5, 5.0),
    "editMessage": (5, 5.0),
    "deleteMessage": (5, 1.0),
    "getMessages": (10, 10.0),
    "addReaction": (1, 0.25),
    "removeReaction": (1, 0.25),
    "typing": (5, 5.0),
    "createThread": (50, 300.0),
    "createFollowup": (5, 2.0),
    "editAnswer": (5, 2.0),
    "interactionCallback": (30, 1.0),
}
INVALID_LIMIT: Final = 10_000
INVALID_SECONDS: Final = 600.0
MOST_WINDOWS: Final = 10_000


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """`headers` go with every answer. `retry_after_seconds` None: go on."""

    headers: Mapping[str, str]
    retry_after_seconds: float | None = None
    everywhere: bool = False


class Buckets:
    """Counts while `on`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}
        self._invalid = _Window(0.0)
        self.on = False

    def take(self, name: str, major: str, *, counts_everywhere: bool) -> Verdict:
        """Count a call of route `name`; `major` is the channel, server or token that has its own window."""
        if not self.on:
            return Verdict({})
        now = self._clock.monotonic()
        if counts_everywhere and (wait := self._use(("", ""), GLOBAL, now)):
            return Verdict({"X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}, wait, everywhere=True)
        limit, _ = rule = BY_NAME.get(name, USUAL)
        wait = self._use((name, major), rule, now)
        window = self._windows[name, major]
        left = window.ends - now
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - window.used)),
            "X-RateLimit-Reset": f"{self._clock.now().timestamp() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": hashlib.sha256(name.encode()).hexdigest()[:32],
        }
        return Verdict(headers | ({"X-RateLimit-Scope": "user"} if wait else {}), wait or None)

    def count_invalid(self, status: int) -> None:
        """Note an answer; those with 401, 403 and 429 are counted against the address that they come from."""
        now = self._clock.monotonic()
        if status not in {401, 403, 429}:
            return
        if now >= self._invalid.ends:
            self._invalid = _Window(now + INVALID_SECONDS)
        self._invalid.used += 1

    @property
    def invalid(self) -> int:
        """Invalid requests in the last ten minutes."""
        return self._invalid.used if self._clock.monotonic() < self._invalid.ends else 0

    @property
    def is_banned(self) -> bool:
        return self.invalid >= INVALID_LIMIT

    def _use(self, key: tuple[str, str], rule: tuple[int, float], now: float) -> float:
        """Seconds to wait, 0 when the call fits."""
        limit, seconds = rule
        window = self._windows.get(key)
        if window is None or now >= window.ends:
            window = self._windows[key] = _Window(now + seconds)
            if len(self._windows) > MOST_WINDOWS:
                del self._windows[next(iter(self._windows))]
        if window.used >= limit:
            return math.ceil((window.ends - now) * 1000) / 1000
        window.used += 1
        return 0.0
