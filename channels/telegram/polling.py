"""The getUpdates loop: what Telegram sent is stored first and acknowledged after that.

The next call's offset is the acknowledgement (https://core.telegram.org/bots/api#getupdates), so a crash at any point
only makes Telegram repeat itself, and the inbox knows what it has. The library's own Updater moves the offset before
anything is handled, and stops for good at an update that it cannot read.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any, Final

from telegram.error import Conflict, InvalidToken, NetworkError, TelegramError

from channels.clock import Clock
from channels.errors import Unauthorized
from channels.port import Inbox, RawUpdate
from channels.telegram.api import BotApi
from channels.telegram.request import SlowDownError
from channels.utf16 import without_lone_surrogates

log = logging.getLogger(__name__)

ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
POLL_SECONDS: Final = 30
ANSWER_SECONDS: Final = 10  # for the answer itself, after the poll has ended
BATCH: Final = 100
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 30.0
_GREATEST_ID: Final = 2**53


class UpdateLoop:
    """Polls for one bot. `last_success`: when, on the monotonic clock, a poll last went well; None: not yet."""

    def __init__(self, api: BotApi, clock: Clock, account: str) -> None:
        self._api = api
        self._clock = clock
        self._outage = _Outage(clock, account)
        self.last_success: float | None = None

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled. Raises Unauthorized; everything else is waited out."""
        offset: int | None = None
        webhook_removed = False
        while True:
            try:
                if not webhook_removed:
                    await self._api.call("deleteWebhook", {})  # what is pending stays
                    webhook_removed = True
                updates = await self._poll(offset)
            except TelegramError as error:
                await self._wait_out(error)
                continue
            if updates and not await self._store(inbox, updates):
                continue
            moved = next_offset(offset, updates)
            if updates and moved == offset:
                await self._outage.wait("Telegram repeats an update without an id", "no offset to acknowledge it with")
                continue
            offset = moved
            self.last_success = self._clock.monotonic()
            self._outage.end()

    async def _poll(self, offset: int | None) -> list[Any]:
        parameters: dict[str, Any] = {"timeout": POLL_SECONDS, "limit": BATCH, "allowed_updates": ALLOWED_UPDATES}
        if offset is not None:
            parameters["offset"] = offset
        result = await self._api.call("getUpdates", parameters, read_seconds=POLL_SECONDS + ANSWER_SECONDS)
        if not isinstance(result, list):
            raise NetworkError("the answer to getUpdates is no list")
        return result

    async def _store(self, inbox: Inbox, updates: Sequence[Any]) -> bool:
        """False, after a wait, when they are not on disk: Telegram is then asked for the same ones again."""
        try:
            await inbox.store([raw_update(update) for update in updates])
        except Exception as error:  # noqa: BLE001 - whatever stops the store must not stop the loop
            await self._outage.wait("Updates cannot be stored", f"{type(error).__name__}: {error}")
            return False
        return True

    async def _wait_out(self, error: TelegramError) -> None:
        match error:
            case InvalidToken():
                raise Unauthorized("Telegram refuses the token") from None
            case SlowDownError():
                await self._outage.wait("Telegram asks to wait", error.message, error.retry_after_seconds)
            case Conflict():
                await self._outage.wait("Somebody else polls for this bot or has set a webhook", error.message)
            case _:
                await self._outage.wait("Telegram cannot be polled", error.message)


def raw_update(update: Any) -> RawUpdate:
    """`update` for the inbox. One without a usable id is kept too, under a name made from its content, so that a
    person can look at it; its repetitions bear the same name."""
    raw = without_lone_surrogates(json.dumps(update, ensure_ascii=False, separators=(",", ":")))
    update_id = _id(update)
    if update_id is not None:
        return RawUpdate(str(update_id), raw)
    return RawUpdate(f"unreadable-{hashlib.sha256(raw.encode()).hexdigest()[:24]}", raw)


def next_offset(offset: int | None, updates: Sequence[Any]) -> int | None:
    """The offset that acknowledges `updates`, received after asking for `offset`; None: still nothing to go by.

    Ids grow within an answer, so an element without one counts as the next number: its own id is that or a greater
    one, and nothing unseen can lie below. Ids may restart lower after a week of silence: the last element counts,
    not the greatest.
    """
    for update in updates:
        update_id = _id(update)
        if update_id is not None:
            offset = update_id + 1
        elif offset is not None:
            offset += 1
    return offset


def _id(update: Any) -> int | None:
    match update:
        case {"update_id": int(number)} if not isinstance(number, bool) and 0 <= number < _GREATEST_ID:
            return number
        case _:
            return None


class _Outage:
    """Waits longer from time to time while something is wrong, and speaks of it once."""

    def __init__(self, clock: Clock, account: str) -> None:
        self._clock = clock
        self._account = account
        self._trouble: str | None = None
        self._wait_seconds = FIRST_WAIT_SECONDS

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
            log.info("Telegram is polled again", extra={"account": self._account, "trouble": self._trouble})
        self._trouble = None
        self._wait_seconds = FIRST_WAIT_SECONDS
