"""The Bot API on the wire: what a request holds, and the bodies that answer it.

https://core.telegram.org/bots/api#making-requests
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

Wire = dict[str, Any]
"""A JSON object of the Bot API, as it travels."""


class ApiError(Exception):
    """An answer with `ok: false`. `description` begins with the words of its code, as the real ones do."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> Wire:
        body: Wire = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad_request(words: str, **parameters: int) -> ApiError:
    return ApiError(400, f"Bad Request: {words}", **parameters)


def too_many_requests(retry_after: int) -> ApiError:
    """`retry_after` in seconds (https://core.telegram.org/bots/api#responseparameters)."""
    return ApiError(429, f"Too Many Requests: retry after {retry_after}", retry_after=retry_after)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in a multipart body."""

    name: str
    media_type: str
    data: bytes


class Params:
    """The parameters of one call: text when they came in a form, JSON values when they came as JSON."""

    def __init__(self, values: Mapping[str, Any], uploads: Mapping[str, Upload]) -> None:
        self._values = values
        self.uploads = uploads

    def has(self, name: str) -> bool:
        return self._values.get(name) not in (None, "")

    def text(self, name: str) -> str:
        """Empty when it is not there."""
        value = self._values.get(name)
        if value is None:
            return ""
        text = value if isinstance(value, str) else json.dumps(value)
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise bad_request("strings must be encoded in UTF-8")
        return text

    def integer(self, name: str, default: int = 0) -> int:
        """`default` when it is not there or no number, as the real API has it."""
        value = self._values.get(name)
        if isinstance(value, int):
            return int(value)
        try:
            return int(value) if isinstance(value, str) else default
        except ValueError:
            return default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "yes", "1"}

    def json(self, name: str, kind: type[Any], what: str) -> Any:
        """The JSON value, of type `kind`; an empty one when it is not there. `what` names it in the refusal."""
        value = self._values.get(name)
        if value is None or value == "":
            return kind()
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise bad_request(f"can't parse {what} JSON object") from None
        if not isinstance(value, kind):
            raise bad_request(f"can't parse {what} JSON object")
        return value


async def read_params(request: web.Request) -> Params:
    """Query string, JSON, form or multipart body: the four ways the Bot API takes its parameters."""
    values: Wire = dict(request.query) if request.query_string else {}
    match request.content_type:
        case "application/json":
            body = await request.read()
            try:
                parsed = json.loads(body) if body else {}
            except ValueError:
                raise bad_request("can't parse request body as a JSON object") from None
            if not isinstance(parsed, dict):
                raise bad_request("can't parse request body as a JSON object")
            return Params(values | parsed, {})
        case "multipart/form-data":
            return await _read_multipart(request, values)
        case _:
            form = (await request.read()).decode("utf-8", "replace")
            return Params(values | dict(parse_qsl(form, keep_blank_values=True)), {})


async def _read_multipart(request: web.Request, values: Wire) -> Params:
    uploads: dict[str, Upload] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            uploads[name] = Upload(value.filename, value.content_type, value.file.read())
        else:
            values[name] = value
    return Params(values, uploads)


def ok(result: Any) -> web.Response:
    return json_answer({"ok": True, "result": result})


def json_answer(body: Wire, status: int = 200) -> web.Response:
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return web.Response(body=data, status=status, content_type="application/json")
