"""The heartbeat: now and then an agent looks at its HEARTBEAT.md, and speaks only if there is something to say."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from bot.agents.port import Agent, AgentFailed, Turn
from bot.catalogue import Language
from bot.delivery.item import Source
from bot.heartbeat.checks import HeartbeatFacts, Rhythm, Verdict, alert_digest, check, is_silence
from bot.pipeline.outgoing import Outgoing
from bot.sessions.transcript import Record
from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, from_unix_ms, unix_ms
from channels.message import Destination, OutboundMessage

log = logging.getLogger(__name__)

SAME_ALERT_AGAIN: Final = timedelta(hours=24)
PROMPT: Final = (
    "This is your heartbeat. Follow these notes of yours. If nothing needs attention, answer exactly HEARTBEAT_OK.\n\n"
)


class Heartbeat:
    """One agent's heartbeat. `workspace` None: it has no HEARTBEAT.md. `user_waits` tells of turns under way."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        agent_id: str,
        agent: Agent,
        workspace: Path | None,
        rhythm: Rhythm,
        destination: Destination | None,
        language: Language,
        outgoing: Outgoing,
        user_waits: Callable[[], bool],
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._agent_id = agent_id
        self._agent = agent
        self._workspace = workspace
        self._rhythm = rhythm
        self._destination = destination
        self._language = language
        self._outgoing = outgoing
        self._user_waits = user_waits
        self._running = False

    async def beat(self, *, woken: bool = False) -> Verdict:
        """Run if all six checks pass; no model is asked otherwise. The verdict says which one did not."""
        verdict = await self.look(woken=woken)
        if not verdict.run:
            log.debug("No heartbeat", extra={"agent": self._agent_id, "reason": verdict.reason})
            return verdict
        self._running = True
        try:
            await self._run(self._notes() or "")
        finally:
            self._running = False
        return verdict

    async def look(self, *, woken: bool = False) -> Verdict:
        """Whether it would run now, and why not."""
        rows = await self._storage.read("heartbeat.last_run", {"agent": self._agent_id})
        facts = HeartbeatFacts(
            now=self._clock.now(),
            content=self._notes(),
            last_run=from_unix_ms(rows[0]["last_run_ms"]) if rows else None,
            woken=woken,
            user_waits=self._user_waits(),
            running=self._running,
        )
        return check(facts, self._rhythm)

    async def _run(self, notes: str) -> None:
        now = self._clock.now()
        await self._storage.commit([Statement("heartbeat.ran", {"agent": self._agent_id, "now_ms": unix_ms(now)})])
        turn = Turn(f"agent:{self._agent_id}:heartbeat", PROMPT + notes, "", True, now, _no_history)
        try:
            answer = await self._agent.answer(turn)
        except AgentFailed as failure:
            log.warning("A heartbeat has no answer", extra={"agent": self._agent_id, "reason": failure.reason})
            return
        if not is_silence(answer.text):
            await self._tell(answer.text, now)

    async def _tell(self, text: str, now: datetime) -> None:
        digest = alert_digest(text)
        since_ms = unix_ms(now - SAME_ALERT_AGAIN)
        told: dict[str, SqlValue] = {"agent": self._agent_id, "digest": digest, "since_ms": since_ms}
        if await self._storage.read("heartbeat.told_since", told):
            return
        channel = None if self._destination is None else self._outgoing.channel(self._destination)
        if self._destination is None or channel is None:
            log.warning("A heartbeat has nobody to tell; set heartbeat.to or owners", extra={"agent": self._agent_id})
            return
        source = Source("heartbeat", f"{self._agent_id}:{unix_ms(now)}")
        message = OutboundMessage(self._destination, text, "markdown")
        queued = self._outgoing.queue(channel, message, "heartbeat", source, self._language)
        alert: dict[str, SqlValue] = {
            "outbox_id": queued.items[0].id,
            "agent": self._agent_id,
            "digest": digest,
            "now_ms": unix_ms(now),
        }
        await self._storage.commit([*queued.statements, Statement("heartbeat.alert", alert)])
        self._outgoing.leave(queued)

    def _notes(self) -> str | None:
        if self._workspace is None:
            return None
        try:
            return (self._workspace / "HEARTBEAT.md").read_text(encoding="utf-8", errors="replace")[:50_000]
        except OSError:
            return None


def forget_old_alerts(now: datetime) -> Statement:
    """Alerts too old to silence another."""
    return Statement("heartbeat.prune_alerts", {"before_ms": unix_ms(now - 2 * SAME_ALERT_AGAIN)})


async def _no_history(_most: int) -> list[Record]:
    return []
