"""What to do while Telegram cannot be reached: wait longer from time to time, and speak of it once."""

import logging
from typing import Final

from telegram.error import Conflict, InvalidToken, TelegramError

from channels.clock import Clock
from channels.errors import Unauthorized
from channels.telegram.request import SlowDownError

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0


class Outage:
    """One bot's. Everything is well until `wait` or `wait_out` is called, and again after `end`."""

    def __init__(self, clock: Clock, account: str) -> None:
        self._clock = clock
        self._account = account
        self._trouble: str | None = None
        self._wait_seconds = FIRST_WAIT_SECONDS

    async def wait_out(self, error: TelegramError) -> None:
        """Return when the failed call may be tried again. Raises Unauthorized."""
        match error:
            case InvalidToken():
                raise Unauthorized("Telegram refuses the token") from None
            case SlowDownError():
                await self.wait("Telegram asks to wait", error.message, error.retry_after_seconds)
            case Conflict():
                await self.wait("Somebody else polls for this bot or has set a webhook", error.message)
            case _:
                await self.wait("Telegram cannot be asked for updates", error.message)

    async def wait(self, trouble: str, reason: str, seconds: float | None = None) -> None:
        """`seconds` None: as long as the growing pause says."""
        if trouble != self._trouble:
            log.warning(trouble, extra={"account": self._account, "reason": reason})
            self._trouble = trouble
        if seconds is None:
            seconds = self._wait_seconds
            self._wait_seconds = min(2 * seconds, LONGEST_WAIT_SECONDS)
        await self._clock.sleep(seconds)

    def end(self) -> None:
        if self._trouble is not None:
            log.info("Telegram gives updates again", extra={"account": self._account, "trouble": self._trouble})
        self._trouble = None
        self._wait_seconds = FIRST_WAIT_SECONDS
