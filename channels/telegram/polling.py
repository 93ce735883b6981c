"""The getUpdates loop: what Telegram sent is stored first and acknowledged after that.

The next call's offset is the acknowledgement (https://core.telegram.org/bots/api#getupdates), so a crash at any point
only makes Telegram repeat itself, and the inbox knows what it has. The library's own Updater moves the offset before
anything is handled, and stops for good at an update that it cannot read.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

from telegram.error import NetworkError, TelegramError

from channels.clock import Clock
from channels.json_text import compact_json
from channels.port import Inbox, RawUpdate
from channels.telegram.api import BotApi
from channels.telegram.outage import Outage

ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
POLL_SECONDS: Final = 30
ANSWER_SECONDS: Final = 10  # for the answer itself, after the poll has ended
SILENT_SECONDS: Final = 90.0  # two polls with their answers, and a little
BATCH: Final = 100
_GREATEST_ID: Final = 2**53


class UpdateLoop:
    """Polls for one bot. `expected_by` is as that of Channel: what went well moves it on; None before `run`."""

    def __init__(self, api: BotApi, clock: Clock, account: str) -> None:
        self._api = api
        self._clock = clock
        self._outage = Outage(clock, account)
        self.expected_by: float | None = None

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled. Raises Unauthorized; everything else is waited out."""
        self.expected_by = self._clock.monotonic() + SILENT_SECONDS
        offset: int | None = None
        webhook_removed = False
        while True:
            try:
                if not webhook_removed:
                    await self._api.call("deleteWebhook", {})  # what is pending stays
                    webhook_removed = True
                updates = await self._poll(offset)
            except TelegramError as error:
                await self._outage.wait_out(error)
                continue
            if updates and not await self._store(inbox, updates):
                continue
            moved = next_offset(offset, updates)
            if updates and moved == offset:
                await self._outage.wait("Telegram repeats an update without an id", "no offset to acknowledge it with")
                continue
            offset = moved
            self.expected_by = self._clock.monotonic() + SILENT_SECONDS
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


def raw_update(update: Any) -> RawUpdate:
    """`update` for the inbox. One without a usable id is kept too, under a name made from its content, so that a
    person can look at it; its repetitions bear the same name."""
    raw = compact_json(update)
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
