"""Which agent answers a message, and in which session."""

from datetime import datetime

from bot.pipeline.gate import Gate
from bot.reasons import Reason
from bot.trace.road import Road
from routing.explain import describe
from routing.session_key import parse_session_key
from routing.table import Table


def route(road: Road, table: Table, gate: Gate, now: datetime) -> tuple[str, str]:
    """(agent, session key): what an authorised client asked for, otherwise what the bindings say. The road tells it."""
    message = road.message
    if message.session_key is not None:
        key = parse_session_key(message.session_key)
        road.agent, road.session_key = key.agent, str(key)
        road.note("binding", Reason.SESSION_ASKED_FOR, now, agent=key.agent)
    else:
        found = table.resolve(message.address, gate.former_id(message))
        road.agent, road.session_key = found.agent, found.session_key
        binding = None if found.binding is None else describe(found.binding)
        code = Reason.DEFAULT_AGENT if binding is None else Reason.BOUND
        road.note("binding", code, now, agent=found.agent, tier=found.tier.value, binding=binding)
    road.note("session", Reason.IN_SESSION, now, session_key=road.session_key)
    return road.agent, road.session_key
