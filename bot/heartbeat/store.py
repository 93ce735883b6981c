"""Heartbeats on disk: when each agent had its last one, what it told, and who asked for one."""

from datetime import datetime, timedelta
from typing import Final

from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, from_unix_ms, unix_ms

SAME_ALERT_AGAIN: Final = timedelta(hours=24)
MOST_BEGUN: Final = 2  # times that a heartbeat is begun whose process dies in it
WISHES_HOLD: Final = timedelta(seconds=30)  # who asked so long ago has gone away


class HeartbeatStore:
    """Reads and statements of heartbeats."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def last_run(self, agent: str) -> datetime | None:
        """None: never."""
        rows = await self._storage.read("heartbeat.last_run", {"agent": agent})
        return from_unix_ms(rows[0]["last_run_ms"]) if rows else None

    def begin(self, agent: str) -> Statement:
        """It runs from now on; the next one is an interval away."""
        values: dict[str, SqlValue] = {"agent": agent, "now_ms": self._now_ms(), "holder": self._storage.member}
        return Statement("heartbeat.begin", values)

    def end(self, agent: str) -> Statement:
        """It has come to its end, whatever that was."""
        return Statement("heartbeat.end", {"agent": agent})

    def interrupted(self) -> Statement:
        """Those whose process died in them are due again, unless that was so MOST_BEGUN times in a row."""
        return Statement("heartbeat.interrupted", {"most_begun": MOST_BEGUN})

    async def was_told(self, agent: str, digest: str) -> bool:
        """Whether the platform took this alert within SAME_ALERT_AGAIN, or it is on its way there."""
        since_ms = unix_ms(self._clock.now() - SAME_ALERT_AGAIN)
        told: dict[str, SqlValue] = {"agent": agent, "digest": digest, "since_ms": since_ms}
        return bool(await self._storage.read("heartbeat.told_since", told))

    def alert(self, agent: str, digest: str, outbox_id: str) -> Statement:
        """The row of the outbox tells this alert; it counts once that row is sent."""
        values: dict[str, SqlValue] = {
            "outbox_id": outbox_id,
            "agent": agent,
            "digest": digest,
            "now_ms": self._now_ms(),
        }
        return Statement("heartbeat.alert", values)

    def wish(self, agent: str) -> Statement:
        """Ask the bot that runs on this database for a heartbeat now."""
        return Statement("heartbeat.wish", {"agent": agent, "now_ms": self._now_ms()})

    async def wishes(self) -> list[str]:
        """The agents whose heartbeat somebody waits for."""
        since: dict[str, SqlValue] = {"since_ms": unix_ms(self._clock.now() - WISHES_HOLD)}
        return [row["agent"] for row in await self._storage.read("heartbeat.wishes", since)]

    def answer(self, agent: str, reason: str | None) -> Statement:
        """Tell who waits why it does not run; None: it does."""
        return Statement("heartbeat.answer", {"agent": agent, "reason": reason, "now_ms": self._now_ms()})

    async def answered(self, agent: str) -> tuple[bool, str | None]:
        """(whether the bot has answered, the reason why it does not run or None)."""
        rows = await self._storage.read("heartbeat.answered", {"agent": agent})
        return (True, rows[0]["reason"]) if rows else (False, None)

    def prune(self) -> Statement:
        """Forget alerts too old to silence another."""
        before = self._clock.now() - 2 * SAME_ALERT_AGAIN
        return Statement("heartbeat.prune_alerts", {"before_ms": unix_ms(before)})

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())
