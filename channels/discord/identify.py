"""How often the bot may open a new session: 1000 times in 24 hours, or Discord resets its token.

Counted in the memory, so that a process that crashes and starts again in a loop stops in time.
https://discord.com/developers/docs/events/gateway#session-start-limit-object
"""

import logging
from datetime import timedelta
from typing import Final

from channels.clock import Clock
from channels.port import Memory

log = logging.getLogger(__name__)

MOST: Final = 900  # the rest is for the owner, and for other programs with this token
WINDOW: Final = timedelta(hours=24)
NAME: Final = "identify"


class IdentifyBudget:
    """One account's; remembered as `<start of the window, unix seconds> <count>`."""

    def __init__(self, memory: Memory, clock: Clock, most: int = MOST) -> None:
        self._memory = memory
        self._clock = clock
        self._most = most

    async def take(self) -> None:
        """Return when one more session may be opened; it is counted on disk then."""
        while True:
            now = self._clock.now().timestamp()
            start, count = await self._recall()
            if not start <= now < start + WINDOW.total_seconds():
                start, count = now, 0
            if count < self._most:
                await self._memory.remember({NAME: f"{start:.0f} {count + 1}"})
                return
            seconds = start + WINDOW.total_seconds() - now
            log.error(
                "Too many sessions were opened today; Discord would reset the token. "
                "Find out why the bot keeps starting",
                extra={"sessions": count, "waits_seconds": round(seconds)},
            )
            await self._clock.sleep(max(1.0, seconds))

    async def _recall(self) -> tuple[float, int]:
        words = (await self._memory.recall(NAME)).get(NAME, "").split()
        return (float(words[0]), int(words[1])) if len(words) == 2 and all(map(str.isdecimal, words)) else (0.0, 0)
