"""Which agents have a heartbeat, and how each of them beats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from bot.heartbeat.checks import HeartbeatFacts, Rhythm, Verdict, check
from bot.heartbeat.store import HeartbeatStore
from bot.settings.model import Settings
from bot.settings.owners import owner_chat
from channels.clock import Clock
from channels.message import Destination
from routing.entries import AgentEntry
from routing.table import Table

MOST_CHARACTERS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Plan:
    """One agent's heartbeat. `workspace` None: it has no HEARTBEAT.md; `destination` None: nobody to tell."""

    agent: str
    workspace: Path | None
    rhythm: Rhythm
    destination: Destination | None

    def notes(self) -> str | None:
        """HEARTBEAT.md; None where there is none."""
        if self.workspace is None:
            return None
        try:
            path = self.workspace / "HEARTBEAT.md"
            return path.read_text(encoding="utf-8", errors="replace")[:MOST_CHARACTERS]
        except OSError:
            return None


def plans(settings: Settings, entries: Sequence[AgentEntry], table: Table) -> list[Plan]:
    """For the agent of the settings, or the default one, and for each that `heartbeat.agents` names.

    Empty where heartbeats are switched off. An agent that bindings.yaml does not hold is left out.
    """
    heartbeat = settings.heartbeat
    if not heartbeat.enabled:
        return []
    by_id = {entry.id: entry for entry in entries}
    names = dict.fromkeys([heartbeat.agent or table.defaults.agent, *heartbeat.agents])
    return [_plan(settings, by_id[name], table) for name in names if name in by_id]


async def look(
    plan: Plan,
    store: HeartbeatStore,
    clock: Clock,
    *,
    woken: bool = False,
    user_waits: Callable[[], bool] = lambda: False,
    running: Callable[[], bool] = lambda: False,
) -> Verdict:
    """Whether it may run now, and why not. Asks no model. The last two still hold when this returns."""
    last_run = await store.last_run(plan.agent)
    facts = HeartbeatFacts(
        now=clock.now(),
        content=plan.notes(),
        last_run=last_run,
        woken=woken,
        user_waits=user_waits(),
        running=running(),
    )
    return check(facts, plan.rhythm)


def _plan(settings: Settings, entry: AgentEntry, table: Table) -> Plan:
    common = settings.heartbeat
    own = common.agents.get(entry.id)
    hours = own.active_hours if own and own.active_hours else common.active_hours
    minutes = own.every_minutes if own and own.every_minutes else common.every_minutes
    to = own.to if own and own.to else common.to
    folder = entry.workspace or settings.agents.defaults.workspace
    return Plan(
        agent=entry.id,
        workspace=Path(folder).expanduser() if folder else None,
        rhythm=Rhythm(timedelta(minutes=minutes), hours.start, hours.end, hours.zone),
        destination=Destination(to.channel, to.account, to.chat, to.thread)
        if to
        else owner_chat(settings, table, entry.id),
    )
