"""The heartbeat: now and then an agent looks at its HEARTBEAT.md, and speaks only if there is something to say."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from bot.agents.port import Agent, AgentFailed, Turn
from bot.catalogue import Language
from bot.delivery.item import Source
from bot.heartbeat.checks import Verdict, alert_digest, is_silence
from bot.heartbeat.plan import Plan, look
from bot.heartbeat.store import HeartbeatStore
from bot.pipeline.outgoing import Outgoing, Queued
from bot.sessions.lanes import Lanes
from bot.sessions.transcript import Record
from bot.storage.port import Storage
from bot.tools.port import Effect
from bot.tools.unattended import IsOwner, unattended
from channels.clock import Clock, unix_ms
from channels.message import Destination, OutboundMessage

log = logging.getLogger(__name__)

PROMPT: Final = (
    "This is your heartbeat. Follow these notes of yours. If nothing needs attention, answer exactly HEARTBEAT_OK.\n\n"
)


class Heartbeats:
    """Every agent's heartbeat. `plans` and `agents` give those in force.

    `speaks_here` says whether this machine speaks to a destination (None: a heartbeat that tells nobody); it is
    replaced where several machines share the database.
    """

    def __init__(
        self,
        *,
        storage: Storage,
        store: HeartbeatStore,
        clock: Clock,
        lanes: Lanes,
        outgoing: Outgoing,
        language: Language,
        plans: Callable[[], Sequence[Plan]],
        agents: Callable[[], Mapping[str, Agent]],
        is_owner: IsOwner,
    ) -> None:
        self._storage = storage
        self._store = store
        self._clock = clock
        self._lanes = lanes
        self._outgoing = outgoing
        self._language = language
        self._plans = plans
        self._agents = agents
        self._is_owner = is_owner
        self._running: set[str] = set()
        self.speaks_here: Callable[[Destination | None], bool] = lambda _: True

    async def recover(self) -> None:
        """What a process died in is due again; not while this one, alone on its database, is in a heartbeat."""
        await self._storage.commit([self._store.interrupted()])

    async def beat(self) -> None:
        """Let each agent's heartbeat run whose six checks pass; no model is asked otherwise."""
        for plan in self._ours():
            await self._beat(plan, woken=False)

    async def wake(self, agent: str | None = None) -> dict[str, Verdict]:
        """The same at once, whatever the interval, for one agent or for all (None). What was found, by agent."""
        return {plan.agent: await self._beat(plan, woken=True) for plan in self._ours() if agent in {None, plan.agent}}

    async def look(self) -> dict[str, Verdict]:
        """Whether each would run now, and why not, by agent."""
        return {plan.agent: await self._look(plan, woken=False) for plan in self._plans()}

    async def grant_wishes(self) -> None:
        """Wake those for which somebody asked beside the running bot, and answer."""
        for agent in await self._store.wishes():
            found = await self.wake(agent)
            if agent not in found and any(plan.agent == agent for plan in self._plans()):
                continue  # another machine speaks for it
            reason = found[agent].reason if agent in found else "no such heartbeat"
            await self._storage.commit([self._store.answer(agent, reason)])

    def _ours(self) -> list[Plan]:
        return [plan for plan in self._plans() if self.speaks_here(plan.destination)]

    async def _look(self, plan: Plan, *, woken: bool) -> Verdict:
        return await look(
            plan,
            self._store,
            self._clock,
            woken=woken,
            user_waits=lambda: self._lanes.busy(f"agent:{plan.agent}:", but=f"agent:{plan.agent}:cron:"),
            running=lambda: plan.agent in self._running,
        )

    async def _beat(self, plan: Plan, *, woken: bool) -> Verdict:
        verdict = await self._look(plan, woken=woken)
        if not verdict.run:
            log.debug("No heartbeat", extra={"agent": plan.agent, "reason": verdict.reason})
            return verdict
        self._running.add(plan.agent)

        async def work() -> None:
            try:
                await self._run(plan, self._agents()[plan.agent])
            finally:
                self._running.discard(plan.agent)

        # A lane of its own: whoever speaks to the agent meanwhile is answered at once.
        self._lanes.submit(f"heartbeat {plan.agent}", work)
        return verdict

    async def _run(self, plan: Plan, agent: Agent) -> None:
        now = self._clock.now()
        await self._storage.commit([self._store.begin(plan.agent)])
        told, effects = Queued((), ()), list[Effect]()
        try:
            answer = await agent.answer(self._turn(plan, now))
        except AgentFailed as failure:
            log.warning("A heartbeat has no answer", extra={"agent": plan.agent, "reason": failure.reason})
        else:
            effects.extend(answer.effects)
            if not is_silence(answer.text):
                told = await self._alert(plan, answer.text, f"{plan.agent}:{unix_ms(now)}")
        done = [statement for effect in effects for statement in effect.statements]
        await self._storage.commit([*done, *told.statements, self._store.end(plan.agent)])
        self._outgoing.leave(told)
        for effect in effects:
            if effect.after is not None:
                effect.after()

    def _turn(self, plan: Plan, now: datetime) -> Turn:
        """What the agent is asked, with the tools of whoever hears its alerts; none where nobody does."""
        key, place = f"agent:{plan.agent}:heartbeat", plan.destination
        principal = None
        if place is not None:
            here = place.chat if self._is_owner(place.channel, place.chat) else ""
            principal = unattended(plan.agent, key, place, here, self._language, self._is_owner)
        return Turn(
            session_key=key,
            text=PROMPT + (plan.notes() or ""),
            sender_name="",
            is_direct=True,
            moment=now.astimezone(plan.rhythm.zone),
            history=_no_history,
            peer=None if place is None else f"{place.channel}:{place.chat}",
            principal=principal,
        )

    async def _alert(self, plan: Plan, text: str, source_id: str) -> Queued:
        """What tells `text`; nothing where it was told already, or there is nobody to tell."""
        digest = alert_digest(text)
        if await self._store.was_told(plan.agent, digest):
            return Queued((), ())
        if plan.destination is None:
            log.warning("A heartbeat has nobody to tell; set heartbeat.to or owners", extra={"agent": plan.agent})
            return Queued((), ())
        channel = self._outgoing.channel(plan.destination)
        if channel is None:
            log.warning("An alert is left out: its channel is closed", extra={"agent": plan.agent})
            return Queued((), ())
        message = OutboundMessage(plan.destination, text, "markdown")
        queued = self._outgoing.queue(channel, message, "heartbeat", Source("heartbeat", source_id), self._language)
        alert = self._store.alert(plan.agent, digest, queued.items[0].id)
        return replace(queued, statements=[*queued.statements, alert])


async def _no_history(_most: int) -> list[Record]:
    return []
