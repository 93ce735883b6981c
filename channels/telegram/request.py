"""How python-telegram-bot reaches the Bot API here: its `BaseRequest` over one aiohttp session.

A call costs a tenth of the CPU time of the library's own httpx layer. No exception of this module holds an address or
a cause, because every address of the Bot API holds the token.

https://core.telegram.org/bots/api#making-requests
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import aiohttp
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData
from typing_extensions import override

from channels.errors import LONGEST_WAIT_SECONDS
from channels.exchange import break_down, read_first
from channels.json_text import compact_json, read_json

CONNECTIONS: Final = 256
RETRY_AFTER_SECONDS: Final = 5  # for a 429 that names no time, as proxies send it
_NAMED_BY_LIBRARY: Final = frozenset({400, 401, 403, 404, 409})
_AMBIGUOUS: Final = 408  # a proxy's "request timeout": nobody knows how far the request came


class NotSentError(NetworkError):
    """No request left this machine: the server could not be reached."""


class SlowDownError(TelegramError):
    """429. Stands for the library's RetryAfter, which warns of its own deprecation each time it is made."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"Telegram asks to wait {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds; a None waits for ever. `write` holds for a call without files, `upload` for one with them."""

    read: float | None = 10
    write: float | None = 10
    upload: float | None = 60
    connect: float | None = 5
    pool: float | None = 5


class AiohttpRequest(BaseRequest):
    """Give one to `telegram.Bot`. Open between `initialize` and `shutdown`, both harmless when repeated.

    The library's arguments `read_timeout` etc. count as they do in its own layer, but for `write_timeout`: aiohttp
    knows none, so it only adds to the limit of the whole call.
    """

    __slots__ = ("_session", "_timeouts")

    def __init__(self, timeouts: Timeouts = Timeouts()) -> None:
        self._timeouts = timeouts
        self._session: aiohttp.ClientSession | None = None

    @property
    @override
    def read_timeout(self) -> float | None:
        return self._timeouts.read

    @override
    async def initialize(self) -> None:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS), cookie_jar=aiohttp.DummyCookieJar()
            )

    @override
    async def shutdown(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    @override
    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Status and body. Raises NotSentError, TimedOut, NetworkError; SlowDownError, and BadRequest for what the
        library would call a NetworkError although the server has clearly refused."""
        with_files = request_data is not None and request_data.contains_files
        timeout = self._timeout(read_timeout, write_timeout, connect_timeout, pool_timeout, with_files=with_files)
        return await self._exchange(method, url, _body(request_data), timeout)

    async def call(self, url: str, parameters: Mapping[str, Any], read_seconds: float | None) -> object:
        """`post` for plain JSON, without the library's objects on the way: the `result`, None where the server gave
        none. Raises TelegramError, for a refusal the library's own."""
        default = BaseRequest.DEFAULT_NONE
        timeout = self._timeout(read_seconds, default, default, default, with_files=False)
        status, payload = await self._exchange("POST", url, _json_body(parameters), timeout)
        if not 200 <= status < 300:
            await _Refusal(status, payload).post(url)
        return self.parse_json_payload(payload)["result"]

    async def _exchange(self, method: str, url: str, body: Any, limits: aiohttp.ClientTimeout) -> tuple[int, bytes]:
        if self._session is None:
            raise NotSentError("the connection to Telegram is closed")
        send = self._session.request(method, url, data=body, timeout=limits, allow_redirects=False)
        try:
            async with send as answer:
                payload = await answer.read()
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            failure = _failure(error)
        else:
            _check(answer.status, answer.headers.get("Retry-After"), payload)
            return answer.status, payload
        # Raised here, outside the handler, so that it has no context: aiohttp's errors show the address.
        raise failure

    async def download(self, url: str, most_bytes: int) -> bytes:
        """The first `most_bytes` of a file. Raises NotSentError, TimedOut, NetworkError."""
        if self._session is None:
            raise NotSentError("the connection to Telegram is closed")
        default = BaseRequest.DEFAULT_NONE
        timeout = self._timeout(default, default, default, default, with_files=True)
        try:
            async with self._session.get(url, timeout=timeout, allow_redirects=False) as answer:
                if answer.status == 200:
                    return await read_first(answer.content, most_bytes)
                failure: TelegramError = NetworkError(f"the file cannot be had (HTTP {answer.status})")
        except (aiohttp.ClientError, OSError) as error:
            failure = _failure(error)
        raise failure  # outside the handler, as in do_request

    @staticmethod
    @override
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """The answer, always with a key `result` (None in a refusal). Raises NetworkError: the server did something,
        but nobody knows what."""
        answer = _json(payload)
        if not isinstance(answer, dict):
            raise NetworkError("the answer is no JSON object")
        answer.setdefault("result", None)
        return answer

    def _timeout(self, read: Any, write: Any, connect: Any, pool: Any, *, with_files: bool) -> aiohttp.ClientTimeout:
        default = BaseRequest.DEFAULT_NONE
        limits = self._timeouts
        read = limits.read if read is default else read
        if write is default:
            write = limits.upload if with_files else limits.write
        connect = limits.connect if connect is default else connect
        pool = limits.pool if pool is default else pool
        return _client_timeout(read, write, connect, pool)


class _Refusal(BaseRequest):
    """An answer that the server has given already, to be put into the library's words by `post`."""

    __slots__ = ("_answer",)

    def __init__(self, status: int, payload: bytes) -> None:
        self._answer = status, payload

    @property
    @override
    def read_timeout(self) -> float | None:
        return None

    @override
    async def initialize(self) -> None: ...

    @override
    async def shutdown(self) -> None: ...

    @override
    async def do_request(self, *_: Any, **__: Any) -> tuple[int, bytes]:
        return self._answer

    parse_json_payload = staticmethod(AiohttpRequest.parse_json_payload)


@lru_cache(maxsize=64)
def _client_timeout(
    read: float | None, write: float | None, connect: float | None, pool: float | None
) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=_sum(read, write, connect, pool), connect=_sum(connect, pool), sock_connect=connect, sock_read=read
    )


def _sum(*seconds: float | None) -> float | None:
    """None, which is for ever, when any of them is."""
    known = [each for each in seconds if each is not None]
    return sum(known) if len(known) == len(seconds) else None


def _json_body(parameters: Mapping[str, Any]) -> aiohttp.BytesPayload:
    return aiohttp.BytesPayload(compact_json(parameters).encode(), content_type="application/json")


def _body(data: RequestData | None) -> aiohttp.BytesPayload | aiohttp.FormData | None:
    if data is None:
        return None
    if not data.contains_files:
        return _json_body(data.parameters)
    form = aiohttp.FormData(quote_fields=False)  # else names of files arrive percent-encoded
    for name, value in data.json_parameters.items():
        form.add_field(name, value)
    for name, (filename, content, media_type) in data.multipart_data.items():
        form.add_field(name, content, filename=filename, content_type=media_type)
    return form


def _json(payload: bytes) -> Any:
    """None for what is no JSON."""
    try:
        return read_json(payload)
    except (ValueError, RecursionError):
        return None


def _failure(error: Exception) -> TelegramError:
    """The library's word for a failed exchange."""
    how, words = break_down(error, "Telegram")
    if how == "not_reached":
        return NotSentError(words)
    return TimedOut(words) if how == "too_late" else NetworkError(words)


def _check(status: int, retry_after: str | None, payload: bytes) -> None:
    """Raise for 429 and for the refusals that the library would call a NetworkError."""
    if status == 429:
        raise SlowDownError(_retry_after_seconds(retry_after, payload))
    if 300 <= status < 500 and status not in _NAMED_BY_LIBRARY and status != _AMBIGUOUS:
        raise BadRequest(f"the server refuses the request (HTTP {status})")


def _retry_after_seconds(header: str | None, payload: bytes) -> int:
    """From the body, else the header, else a guess. https://core.telegram.org/bots/api#responseparameters"""
    match _json(payload):
        case {"parameters": {"retry_after": int(seconds)}} if seconds > 0:
            wait = seconds
        case _:
            wait = int(header) if header is not None and header.isdecimal() and len(header) < 9 else RETRY_AFTER_SECONDS
    return min(wait, int(LONGEST_WAIT_SECONDS))
