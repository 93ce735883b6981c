"""The models of the settings and how their keys do: `models.*`."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal

from typing_extensions import TypedDict

from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, UNAVAILABLE, MethodFailed
from bot.methods.page import Nothing
from bot.providers.bases import ModelFault
from bot.providers.models import Models
from bot.providers.port import ChatMessage, CompletionRequest
from bot.providers.way import Way
from channels.clock import from_unix_ms
from channels.config import Strict

PROBE: Final = CompletionRequest([ChatMessage("user", "Answer with the word OK.")])
PROBE_SECONDS: Final = 60.0


class Which(Strict):
    """A `model_name`; null: all of them."""

    name: str | None = None


class WayView(TypedDict):
    """One entry of the model list. `key` is the key's label, `ready_at` ISO 8601 where it is left alone until then."""

    name: str
    provider: str
    server: str
    key: str
    model: str
    weight: int
    rpm: int | None
    vision: bool
    state: Literal["ready", "cooling"]
    reason: str | None
    failures: int
    ready_at: str | None


class FaultView(TypedDict):
    """An entry that cannot be used."""

    name: str
    fault: str


class ModelPage(TypedDict):
    """In the order of the settings."""

    models: list[WayView]
    faults: list[FaultView]


class ProbeView(TypedDict):
    """What one key of one model answered. `detail` is the provider's own word where it failed."""

    name: str
    provider: str
    server: str
    key: str
    model: str
    outcome: str
    seconds: float
    detail: str | None


class ProbePage(TypedDict):
    """`faults` are of the entries that could not be asked."""

    probes: list[ProbeView]
    faults: list[FaultView]


async def newest(desk: Desk, _caller: Caller, _params: Nothing) -> ModelPage:
    """Every model with its keys, and which of them are left alone just now."""
    models, now = _models(desk), desk.clock.now()
    sound = [way for name in models.names for way in _sound(models, name)]
    return {"models": [_view(models, way, now) for way in sound], "faults": _faults(models, models.names)}


async def probe(desk: Desk, _caller: Caller, params: Which) -> ProbePage:
    """Ask each key of a model, or of all, one short question; it costs a few tokens. An answer ends a cooldown."""
    models = _models(desk)
    names = models.names if params.name is None else [params.name]
    try:
        ways = [way for name in names for way in (models.ways(name) if params.name else _sound(models, name))]
    except ModelFault as fault:
        raise MethodFailed(INVALID_PARAMS, str(fault)) from None
    probes: list[ProbeView] = []
    for way in ways:
        attempt, failure = await models.probe(way, PROBE, PROBE_SECONDS)
        probes.append(
            {
                "name": way.name,
                "provider": attempt.provider,
                "server": way.id.server,
                "key": attempt.key,
                "model": attempt.model,
                "outcome": attempt.outcome,
                "seconds": round(attempt.seconds, 3),
                "detail": None if failure is None else str(failure),
            }
        )
    return {"probes": probes, "faults": _faults(models, names)}


def _models(desk: Desk) -> Models:
    if desk.models is None:
        raise MethodFailed(UNAVAILABLE, "no model can be asked from here")
    return desk.models


def _faults(models: Models, names: Iterable[str]) -> list[FaultView]:
    return [{"name": name, "fault": str(fault)} for name in names for fault in models.faults(name)]


def _sound(models: Models, name: str) -> list[Way]:
    try:
        return list(models.ways(name))
    except ModelFault:
        return []


def _view(models: Models, way: Way, now: datetime) -> WayView:
    ready = from_unix_ms(models.ready_ms(way))
    cooldown = models.cooldowns.of(way.id)
    cooling = ready > now
    return {
        "name": way.name,
        "provider": way.id.provider,
        "server": way.id.server,
        "key": way.id.key,
        "model": way.model_id,
        "weight": way.weight,
        "vision": way.vision,
        "rpm": way.rpm,
        "state": "cooling" if cooling else "ready",
        "reason": None if cooldown is None else cooldown.reason,
        "failures": 0 if cooldown is None else cooldown.failures,
        "ready_at": ready.isoformat() if cooling else None,
    }
