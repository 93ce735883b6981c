"""The heartbeat: `heartbeat.status`, `heartbeat.run`."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import Field
from typing_extensions import TypedDict

from bot.heartbeat.checks import Verdict
from bot.heartbeat.plan import look, plans
from bot.heartbeat.store import WISHES_HOLD, HeartbeatStore
from bot.methods.desk import Caller, Desk
from bot.methods.failure import NOT_FOUND, UNAVAILABLE, MethodFailed
from bot.methods.page import Nothing
from bot.storage.opening import bot_is_running
from channels.clock import deadline
from channels.config import Strict

ANSWER_SECONDS: Final = WISHES_HOLD.total_seconds()
LOOK_SECONDS: Final = 0.1


class Run(Strict):
    """`agent` null: every agent that has a heartbeat."""

    agent: str | None = Field(default=None, max_length=100)


class HeartbeatView(TypedDict):
    """`reason` is null where it runs; `next_possible_at` (ISO 8601) is when the clock stops standing in the way."""

    agent: str
    run: bool
    reason: str | None
    next_possible_at: str | None


async def status(desk: Desk, _caller: Caller, _params: Nothing) -> dict[str, list[HeartbeatView]]:
    """Whether each agent's heartbeat would run now, and which of the six checks stands against it."""
    if desk.running is not None:
        return {"heartbeats": _views(await desk.running.heartbeats.look())}
    store = HeartbeatStore(desk.storage, desk.clock)
    known = plans(desk.settings, desk.entries(), desk.table())
    found = {plan.agent: await look(plan, store, desk.clock) for plan in known}
    return {"heartbeats": _views(found)}


async def run(desk: Desk, _caller: Caller, params: Run) -> dict[str, list[HeartbeatView]]:
    """Let heartbeats run now, whatever the interval; the other five checks hold."""
    found = {} if desk.running is None else dict(await desk.running.heartbeats.wake(params.agent))
    known = [plan.agent for plan in plans(desk.settings, desk.entries(), desk.table())]
    elsewhere = [name for name in known if params.agent in {None, name} and name not in found]
    if elsewhere:
        found |= await _ask_the_running_bot(desk, elsewhere)
    if not found:
        raise MethodFailed(NOT_FOUND, "there is no such heartbeat: see heartbeat status")
    return {"heartbeats": _views(found)}


async def _ask_the_running_bot(desk: Desk, names: Sequence[str]) -> Mapping[str, Verdict]:
    """What the bot says that speaks for these agents: another process beside this one, or another machine."""
    if desk.running is None and not await bot_is_running(desk.settings.database, desk.storage):
        raise MethodFailed(UNAVAILABLE, "no bot runs on this database: start it with javis run")
    store = HeartbeatStore(desk.storage, desk.clock)
    await desk.storage.commit([store.wish(name) for name in names])
    found: dict[str, Verdict] = {}
    try:
        async with deadline(desk.clock, ANSWER_SECONDS):
            for name in names:
                while not (answer := await store.answered(name))[0]:
                    await desk.clock.sleep(LOOK_SECONDS)
                found[name] = Verdict(answer[1] is None, answer[1])
    except TimeoutError:
        words = f"no answer within {ANSWER_SECONDS:g} s: javis status shows what runs"
        raise MethodFailed(UNAVAILABLE, words) from None
    return found


def _views(found: Mapping[str, Verdict]) -> list[HeartbeatView]:
    return [
        {
            "agent": agent,
            "run": verdict.run,
            "reason": verdict.reason,
            "next_possible_at": None if verdict.next_possible is None else verdict.next_possible.isoformat(),
        }
        for agent, verdict in found.items()
    ]
