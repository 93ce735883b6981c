"""The bot itself: `health`, `identify`, `channels.status`."""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any, Final, Literal

from pydantic import Field, SecretStr
from typing_extensions import TypedDict

from bot.methods.desk import Caller, Desk
from bot.methods.page import Nothing
from bot.methods.sessions import whole_key
from channels.config import Strict

VERSION: Final = version("javis-bot")


class Health(TypedDict):
    """`degraded`: something needs a person; `trouble` says what, in words that anybody may read."""

    status: Literal["ok", "degraded"]
    version: str
    trouble: list[str]


class Identify(Strict):
    """`token`: for clients that cannot send an Authorization header. `since`: the last `seq` that was read."""

    token: SecretStr | None = None
    sessions: list[str] = Field(default_factory=list, max_length=100)
    since: int | None = Field(default=None, ge=0)


async def health(desk: Desk, _caller: Caller, _params: Nothing) -> Health:
    """Whether all is well. Anybody may ask."""
    trouble = list(desk.live.trouble())
    return {"status": "degraded" if trouble else "ok", "version": VERSION, "trouble": trouble}


async def identify(_desk: Desk, caller: Caller, params: Identify) -> Mapping[str, Any]:
    """Be let in, join sessions, and have their events after `since` repeated."""
    token = params.token.get_secret_value() if params.token else None
    return caller.identify(token, [whole_key(each) for each in params.sessions], params.since)


async def channels(desk: Desk, _caller: Caller, _params: Nothing) -> dict[str, list[Any]]:
    """Every channel account and how it does, and what is wrong with the bindings as they stand."""
    states = [asdict(state) | {"notes": list(state.notes)} for state in desk.live.channels()]
    return {"channels": states, "binding_faults": list(desk.live.binding_faults())}
