"""The road of a message: `trace.get`, `trace.list`."""

from dataclasses import asdict
from typing import Any

from pydantic import Field

from bot.inbox import End
from bot.methods.desk import Caller, Desk
from bot.methods.failure import NOT_FOUND, MethodFailed
from bot.methods.page import Newest
from bot.trace.store import RoadTaken
from channels.config import Strict

RoadView = dict[str, Any]


class One(Strict):
    """A message: `<channel>/<account>/<update id>`, the platform's id of a question or answer, or a delivery's id."""

    message: str = Field(min_length=1, max_length=1000)


async def get(desk: Desk, _caller: Caller, params: One) -> dict[str, list[RoadView]]:
    """The road a message took: gate, binding, session, turn, model calls, deliveries.

    Several, where the id stands in several chats.
    """
    roads = await desk.traces.find(params.message)
    if not roads:
        words = f"nothing is known of {params.message!r}: trace list shows the newest; older ones are forgotten"
        raise MethodFailed(NOT_FOUND, words)
    return {"roads": [_view(road) for road in roads]}


class NewestRoads(Newest):
    """Those that ended in `state`; None: however they ended."""

    state: End | None = None


async def newest(desk: Desk, _caller: Caller, params: NewestRoads) -> dict[str, list[RoadView]]:
    """The messages that were dealt with last, without their deliveries."""
    return {"roads": [_view(road) for road in await desk.traces.newest(params.limit, params.state)]}


def _view(road: RoadTaken) -> RoadView:
    times = {"began": road.began.isoformat(), "ended": None if road.ended is None else road.ended.isoformat()}
    view = asdict(road) | {f"{name}_at": time for name, time in times.items()}
    del view["began"], view["ended"]
    return view
