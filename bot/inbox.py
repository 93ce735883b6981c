"""The inbox: every event of a platform, on disk before it is acknowledged, answered once."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bot.reasons import Reason
from bot.storage.errors import GuardFailed
from bot.storage.port import Row, SqlValue, Statement, Storage
from bot.storage.pruning import MOST_AT_ONCE
from channels.clock import Clock, from_unix_ms, unix_ms
from channels.port import RawUpdate

# Telegram keeps updates for 24 hours and may restart its numbering after a week of silence
# (https://core.telegram.org/bots/api#getting-updates): ids are remembered for longer than both.
REMEMBER_FINISHED = timedelta(days=9)

End = Literal["done", "refused", "quarantined"]
"""`done`: dealt with. `refused`: nobody was let in. `quarantined`: it cannot be handled, a person may look at it."""


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """One row of the inbox.

    `left_over`: it was read from the disk, so earlier work on it may have died; `begun_again` counts how often it was
    begun after that, and ended with its process. `drafts` are the messages that show the beginning of its answer, in
    order.
    """

    id: int
    channel: str
    account: str
    update_id: str
    raw: str
    left_over: bool = False
    begun_again: int = 0
    drafts: tuple[str, ...] = ()

    @property
    def source_id(self) -> str:
        """What it is called as the source of outbox rows."""
        return source_id(self.channel, self.account, self.update_id)


def source_id(channel: str, account: str, update_id: str) -> str:
    """What an update is called as the source of outbox rows."""
    return f"{channel}:{account}:{update_id}"


class InboxStore:
    """Reads and statements of the inbox."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def store(
        self, channel: str, account: str, updates: Sequence[RawUpdate], also: Sequence[Statement] = ()
    ) -> list[StoredUpdate]:
        """Put all of `updates` on disk, with `also` in one transaction; the answer holds the new ones, in order."""
        now_ms = unix_ms(self._clock.now())
        results = await self._storage.commit(
            [
                Statement(
                    "inbox.store",
                    {
                        "channel": channel,
                        "account": account,
                        "update_id": update.update_id,
                        "raw": update.raw,
                        "now_ms": now_ms,
                    },
                )
                for update in updates
            ]
            + list(also)
        )
        return [
            StoredUpdate(rows[0]["id"], channel, account, update.update_id, update.raw)
            for update, rows in zip(updates, results, strict=False)
            if rows
        ]

    async def waiting(self, channel: str, account: str, *, after: int, most: int) -> list[StoredUpdate]:
        """The oldest unfinished rows with an id above `after`."""
        rows = await self._storage.read(
            "inbox.waiting", {"channel": channel, "account": account, "after": after, "most": most}
        )
        return [_stored(row) for row in rows]

    async def ended(self, channel: str, account: str, update_id: str) -> datetime | None:
        """When the update was dealt with, however; None while it waits, and where it is not known."""
        values: dict[str, SqlValue] = {"channel": channel, "account": account, "update_id": update_id}
        rows = await self._storage.read("inbox.ended", values)
        return from_unix_ms(rows[0]["finished_ms"]) if rows else None

    def begin(self, update: StoredUpdate) -> Statement:
        """Count one more beginning of what was left over; fails its transaction when the row is finished."""
        return Statement("inbox.begin", {"id": update.id}, required=True)

    def forgive(self, update: StoredUpdate) -> Statement:
        """Take the last `begin` back: its work was broken off, and was not what ended the process."""
        return Statement("inbox.forgive", {"id": update.id})

    def show(self, update: StoredUpdate, drafts: Sequence[str]) -> Statement:
        """Keep which messages show the beginning of the answer; fails its transaction when the row is finished."""
        return Statement("inbox.show", {"id": update.id, "drafts": json.dumps(drafts)}, required=True)

    async def close_late(self, update: StoredUpdate) -> None:
        """Close a row whose sender was told to try again, unless it is finished already."""
        with suppress(GuardFailed):
            await self._storage.commit([self.finish(update, "refused", Reason.STORED_TOO_LATE)])

    def prune(self, most: int = MOST_AT_ONCE) -> Statement:
        """Forget some of the rows that ended longer ago than any platform repeats them; answers them."""
        before = self._clock.now() - REMEMBER_FINISHED
        return Statement("inbox.prune", {"before_ms": unix_ms(before), "most": most})

    def finish(self, update: StoredUpdate, state: End, reason: str | None = None) -> Statement:
        """The row has ended; fails its transaction when it had before, so nobody answers twice.

        `reason` is a code of bot/reasons.py, perhaps with `: ` and details behind it; None: it was answered.
        """
        values: dict[str, SqlValue] = {
            "id": update.id,
            "state": state,
            "reason": None if reason is None else str(reason),
            "now_ms": unix_ms(self._clock.now()),
        }
        return Statement("inbox.finish", values, required=True)


def _stored(row: Row) -> StoredUpdate:
    drafts = () if row["drafts"] is None else tuple(json.loads(row["drafts"]))
    return StoredUpdate(
        row["id"],
        row["channel"],
        row["account"],
        row["update_id"],
        row["raw"],
        left_over=True,
        begun_again=row["attempts"],
        drafts=drafts,
    )
