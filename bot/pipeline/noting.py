"""What a turn came to, on its road."""

from collections.abc import Sequence

from bot.agents.port import ModelCall
from bot.reasons import Reason
from bot.trace.road import Road
from channels.clock import Clock


def note_turn(road: Road, clock: Clock, attempts: Sequence[ModelCall], end: Reason) -> None:
    """Each call to a model, and how the turn ended."""
    now = clock.now()
    for each in attempts:
        code = Reason.MODEL_ANSWERED if each.outcome == "ok" else Reason.MODEL_FAILED
        facts = {"provider": each.provider, "key": each.key, "model": each.model, "outcome": each.outcome}
        road.note("model", code, now, **facts, seconds=round(each.seconds, 3))
    road.note("turn", end, now)
