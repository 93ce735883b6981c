"""JSON-RPC 2.0, pure: from bytes to calls, and from results to text. https://www.jsonrpc.org/specification

Nobody knows who sends the bytes: whatever they are, they give calls or faults, and nothing else.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.methods.failure import INVALID_REQUEST, PARSE_ERROR

MOST_CALLS: Final = 20  # in one batch
MOST_DEPTH: Final = 64
_ENCODER: Final = json.JSONEncoder(allow_nan=False, separators=(",", ":"), check_circular=False)
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")

Id = str | int | float | None


@dataclass(frozen=True, slots=True)
class Call:
    """One request. A notification (`is_notification`) is run and never answered."""

    method: str
    params: dict[str, Any] | list[Any]
    id: Id
    is_notification: bool


@dataclass(frozen=True, slots=True)
class Fault:
    """What stands in the place of a request that cannot be read; it is answered as it is."""

    code: int
    message: str
    id: Id = None


@dataclass(frozen=True, slots=True)
class Payload:
    """All that one message asks for. The answers of a batch go back as a list."""

    calls: Sequence[Call | Fault]
    is_batch: bool = False


def parse(text: str | bytes) -> Payload:
    """Never raises."""
    try:
        data = _decoded(text)
    except (ValueError, RecursionError) as error:  # huge numbers are a ValueError too
        return Payload([Fault(PARSE_ERROR, f"not JSON that can be read: {_told(error)}")])
    if not isinstance(data, list):
        return Payload([_call(data)])
    if not data:
        return Payload([Fault(INVALID_REQUEST, "an empty batch asks for nothing")])
    if len(data) > MOST_CALLS:
        return Payload([Fault(INVALID_REQUEST, f"a batch has at most {MOST_CALLS} calls, this one {len(data)}")])
    return Payload([_call(each) for each in data], is_batch=True)


def result(call_id: Id, value: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "result": value, "id": call_id}


def error(call_id: Id, code: int, message: str, data: object = None) -> dict[str, object]:
    """An error object; `data` None is left out."""
    told: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        told["data"] = data
    return {"jsonrpc": "2.0", "error": told, "id": call_id}


def event(event_type: str, seq: int, data: dict[str, object]) -> str:
    """An event as the notification that clients get."""
    return dump({"jsonrpc": "2.0", "method": "event", "params": {"type": event_type, "seq": seq, **data}})


def dump(value: object) -> str:
    """JSON that any transport can carry: half a surrogate pair stays an escape."""
    return _ENCODER.encode(value)


def _decoded(text: str | bytes) -> object:
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    if text.count("[") + text.count("{") > MOST_DEPTH and _depth(text) > MOST_DEPTH:
        raise ValueError(f"it is nested more than {MOST_DEPTH} deep")
    data: object = _DECODER.decode(text)
    if "\\u" in text and _LONE_SURROGATE.search(json.dumps(data, ensure_ascii=False)):
        raise ValueError("it holds half of a surrogate pair")
    return data


def _depth(text: str) -> int:
    """The deepest nesting; brackets inside strings do not count."""
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return made


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)


def _told(problem: Exception) -> str:
    return "it is nested too deep" if isinstance(problem, RecursionError) else str(problem).split(":", maxsplit=1)[0]


def _call(data: object) -> Call | Fault:
    if not isinstance(data, dict):
        return Fault(INVALID_REQUEST, "a call is an object")
    has_id, call_id = "id" in data, data.get("id")
    if isinstance(call_id, bool) or not isinstance(call_id, str | int | float | None):
        return Fault(INVALID_REQUEST, "id must be a string, a number or null")
    if data.get("jsonrpc") != "2.0":
        return Fault(INVALID_REQUEST, 'jsonrpc must be "2.0"', call_id)
    method, params = data.get("method"), data.get("params", {})
    if not isinstance(method, str):
        return Fault(INVALID_REQUEST, "method must be a string", call_id)
    if not isinstance(params, dict | list):
        return Fault(INVALID_REQUEST, "params must be an object or an array", call_id)
    return Call(method, params, call_id, is_notification=not has_id)
