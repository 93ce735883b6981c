"""Discord's ids: a moment in milliseconds, and a number that tells apart what happened in it.

https://discord.com/developers/docs/reference#snowflakes
"""

from datetime import UTC, datetime
from typing import Final

from channels.clock import Clock, unix_ms

EPOCH_MS: Final = 1_420_070_400_000
_SHIFT: Final = 22


class Snowflakes:
    """Gives ids that only ever grow, whatever the clock does."""

    def __init__(self, clock: Clock, last: int = 0) -> None:
        self._clock = clock
        self._last = last

    def next(self) -> str:
        self._last = max((unix_ms(self._clock.now()) - EPOCH_MS) << _SHIFT, self._last + 1)
        return str(self._last)


def moment_of(snowflake: str) -> datetime:
    return datetime.fromtimestamp(((int(snowflake) >> _SHIFT) + EPOCH_MS) / 1000, tz=UTC)
