"""Who answers whom, changed: `bindings.set`."""

import asyncio
from typing import Any

from pydantic import Field

from bot.bindings_file import NotChanged
from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, UNAVAILABLE, MethodFailed
from channels.config import Strict
from routing.entries import MatchEntry
from routing.errors import CannotEdit
from routing.faults import FileFaults
from routing.file import match_of


class Wanted(Strict):
    """`agent` answers what fits `match`; null takes the binding with exactly this match away."""

    match: MatchEntry
    agent: str | None = Field(min_length=1)
    priority: int | None = None


async def set_binding(desk: Desk, _caller: Caller, params: Wanted) -> dict[str, Any]:
    """Write a binding into bindings.yaml, or out of it; it is in force when the answer comes.

    Comments, order and quoting of the file stay; a change that leaves a fault is refused.
    """
    if desk.bindings is None:
        raise MethodFailed(UNAVAILABLE, "the bindings come from no file")
    match = match_of(params.match)
    try:
        if params.agent is None:
            removed = await asyncio.to_thread(desk.bindings.unbind, match)
            done = "unchanged" if removed is None else "removed"
        else:
            done = await asyncio.to_thread(desk.bindings.bind, match, params.agent, params.priority)
    except (FileFaults, CannotEdit, NotChanged) as fault:
        raise MethodFailed(INVALID_PARAMS, str(fault)) from None
    if desk.running is not None:
        await desk.running.bindings_saved()
    return {"done": done, "path": str(desk.bindings.path)}
