"""Discord's REST API on the wire: what a request holds, and the bodies that answer it.

https://discord.com/developers/docs/reference
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

Wire = dict[str, Any]
"""A JSON object of Discord, as it travels. Ids are text."""

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
GENERAL: Final = 0
UNKNOWN_CHANNEL: Final = 10003
UNKNOWN_GUILD: Final = 10004
UNKNOWN_MEMBER: Final = 10007
UNKNOWN_MESSAGE: Final = 10008
UNKNOWN_USER: Final = 10013
UNKNOWN_WEBHOOK: Final = 10015
UNKNOWN_INTERACTION: Final = 10062
ALREADY_ACKNOWLEDGED: Final = 40060
MISSING_ACCESS: Final = 50001
NOT_THE_AUTHOR: Final = 50005
EMPTY_MESSAGE: Final = 50006
NO_DIRECT_MESSAGES: Final = 50007
NOT_A_TEXT_CHANNEL: Final = 50008
MISSING_PERMISSIONS: Final = 50013
BAD_WEBHOOK_TOKEN: Final = 50027
BAD_RECIPIENT: Final = 50033
INVALID_FORM: Final = 50035
THREAD_EXISTS: Final = 160004
NO_READING_FOR_REPLY: Final = 160002
NOT_JSON: Final = 50109

_FILE_FIELD: Final = re.compile(r"files\[(\d+)\]")


class RestError(Exception):
    """A refusal. `errors` says, for an invalid form, which field is wrong."""

    def __init__(self, status: int, code: int, message: str, errors: Wire | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> Wire:
        body: Wire = {"message": self.message, "code": self.code}
        return body if self.errors is None else body | {"errors": self.errors}


def invalid(field: str, code: str, words: str) -> RestError:
    """400 for one wrong field; `field` may be a path (`options.0.name`)."""
    errors: Wire = {"_errors": [{"code": code, "message": words}]}
    for step in reversed(field.split(".")):
        errors = {step: errors}
    return RestError(400, INVALID_FORM, "Invalid Form Body", errors)


def not_found(code: int, what: str) -> RestError:
    return RestError(404, code, f"Unknown {what}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body; `number` is the one that `attachments` may speak of."""

    number: str
    name: str
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """One call: the variable parts of its path, its query, and its body (an empty object where there is none)."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    uploads: Sequence[Upload]
    host: str

    @property
    def form(self) -> Wire:
        """The body where an object is expected. Raises RestError."""
        if not isinstance(self.body, dict):
            raise invalid("_", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
        return self.body

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A number of the query. Raises RestError."""
        text = self.query.get(name)
        if text is None:
            return default
        if not text.isdecimal() or not least <= int(text) <= most:
            raise invalid(name, "NUMBER_TYPE_MAX", f"int value should be between {least} and {most}.")
        return int(text)


async def read_request(request: web.Request) -> Request:
    """Raises RestError for what is no JSON."""
    uploads: list[Upload] = []
    if request.content_type == "multipart/form-data":
        text: str | bytes | bytearray = "{}"
        for name, value in (await request.post()).items():
            field = _FILE_FIELD.fullmatch(name)
            if isinstance(value, web.FileField):
                number = field[1] if field else str(len(uploads))
                uploads.append(Upload(number, value.filename, value.content_type, value.file.read()))
            elif name == "payload_json":
                text = value
    else:
        text = await request.read()
    try:
        body = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        raise RestError(400, NOT_JSON, "The request body contains invalid JSON.") from None
    return Request(request.match_info, request.query, body, uploads, request.host)


def json_answer(body: Any, status: int = 200) -> web.Response:
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")
    return web.Response(body=data, status=status, content_type="application/json")
