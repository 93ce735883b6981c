"""The inbox: every event of a platform, on disk before it is acknowledged, answered once."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from bot.storage.errors import GuardFailed
from bot.storage.port import Row, SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms
from channels.port import RawUpdate

# Telegram keeps updates for 24 hours and may restart its numbering after a week of silence
# (https://core.telegram.org/bots/api#getting-updates): ids are remembered for longer than both.
REMEMBER_FINISHED = timedelta(days=9)


@dataclass(frozen=True, slots=True)
class StoredUpdate:
    """One row of the inbox. `attempts` counts the turns that were begun on it and did not end."""

    id: int
    channel: str
    account: str
    update_id: str
    raw: str
    attempts: int = 0

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

    def begin(self, update: StoredUpdate) -> Statement:
        """Count one more turn begun; fails its transaction when the row is finished."""
        return Statement("inbox.begin", {"id": update.id}, required=True)

    def done(self, update: StoredUpdate, reason: str | None = None) -> Statement:
        """The row is answered; fails its transaction when it was finished already, so nobody answers twice."""
        return self._finish(update, "done", reason)

    def refused(self, update: StoredUpdate, reason: str) -> Statement:
        """The gate let nobody in; `reason` is its code."""
        return self._finish(update, "refused", reason)

    def quarantined(self, update: StoredUpdate, reason: str) -> Statement:
        """The row cannot be handled; it is kept for a person to look at."""
        return self._finish(update, "quarantined", reason)

    async def close_late(self, update: StoredUpdate) -> None:
        """Close a row whose sender was told to try again, unless it is finished already."""
        with suppress(GuardFailed):
            await self._storage.commit([self.refused(update, "stored_too_late")])

    def prune(self) -> Statement:
        """Forget rows that ended longer ago than any platform repeats them."""
        before = self._clock.now() - REMEMBER_FINISHED
        return Statement("inbox.prune", {"before_ms": unix_ms(before)})

    def _finish(self, update: StoredUpdate, state: str, reason: str | None) -> Statement:
        values: dict[str, SqlValue] = {
            "id": update.id,
            "state": state,
            "reason": reason,
            "now_ms": unix_ms(self._clock.now()),
        }
        return Statement("inbox.finish", values, required=True)


def _stored(row: Row) -> StoredUpdate:
    return StoredUpdate(row["id"], row["channel"], row["account"], row["update_id"], row["raw"], row["attempts"])
