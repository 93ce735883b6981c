"""One request to a simulated platform, as the road view of the page shows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Call:
    """`status` 0 is a connection that was dropped; `note` says what went wrong, if anything."""

    platform: str
    method: str
    status: int
    milliseconds: int
    at: datetime
    note: str = ""


def call_wire(call: Call) -> dict[str, Any]:
    """The JSON of it; `at` in milliseconds since 1970."""
    return {
        "platform": call.platform,
        "method": call.method,
        "status": call.status,
        "milliseconds": call.milliseconds,
        "at": round(call.at.timestamp() * 1000),
        "note": call.note,
    }


def drop(request: web.Request) -> web.Response:
    """Cut the connection: the client gets no answer. What is returned goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
