"""What every request must pass before anything reads it: Host, Origin, rate, kind and size of the body."""

import ipaddress
import math
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match

from bot.gateway.limits import RateLimit
from channels.clock import Clock, deadline

Scope = MutableMapping[str, Any]
App = Callable[[Any, Any, Any], Awaitable[None]]

BODY_SECONDS: Final = 10.0
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Refused(Exception):
    """The request goes no further; `words` tell its sender why."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


class Guard:
    """ASGI middleware.

    `hosts` are the names by which this server may be called, `origins` the web pages that may call it.
    """

    def __init__(
        self,
        app: App,
        *,
        routes: Collection[BaseRoute],
        hosts: Collection[str],
        origins: Collection[str],
        rate: RateLimit,
    ) -> None:
        self._app = app
        self._routes = routes
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins)
        self._rate = rate

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in {"http", "websocket"} or not self._is_known(scope):
            await self._app(scope, receive, send)  # 404 and 405 cost nobody anything
            return
        try:
            self._check(scope)
        except Refused as refusal:
            await _refuse(scope, receive, send, refusal)
            return
        await self._app(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is Match.FULL for route in self._routes)

    def _check(self, scope: Scope) -> None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        if host_name(host) not in self._hosts:
            raise Refused(421, "this server is not called so: put the name into gateway.hosts")
        origin = headers.get(b"origin")
        if origin is not None and origin not in self._origins and not _is_own(origin, host, scope):
            raise Refused(403, "this page may not call the gateway: put its origin into gateway.origins")
        wait = self._rate.take(caller_of(scope))
        if wait:
            raise Refused(429, f"too many requests: try again in {math.ceil(wait)} s")


def host_name(host: str) -> str:
    """The name in a Host header, without its port; empty for what is none."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def caller_of(scope: Scope) -> str:
    """The caller's address in one form: an IPv4 address is the same when it comes inside IPv6."""
    client = scope.get("client")
    if not client:
        return ""
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return str(client[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


async def read_json_body(request: Request, most_bytes: int, clock: Clock) -> bytes:
    """The body of a JSON request. Raises Refused."""
    check_json_headers(request, most_bytes)
    return await read_body(request, most_bytes, clock)


def check_json_headers(request: Request, most_bytes: int) -> None:
    """What a request says of its body, before any of it is read. Raises Refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Refused(415, "send Content-Type: application/json")
    length = request.headers.get("content-length", "")
    if length and (not length.isascii() or not length.isdecimal() or int(length[:20]) > most_bytes):
        raise Refused(413, f"a body has at most {most_bytes} bytes")


async def read_body(request: Request, most_bytes: int, clock: Clock) -> bytes:
    """The body, whatever its length was said to be. Raises Refused."""
    body = bytearray()
    try:
        async with deadline(clock, BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > most_bytes:
                    raise Refused(413, f"a body has at most {most_bytes} bytes")
    except TimeoutError:
        raise Refused(408, f"the body did not come within {BODY_SECONDS:g} s") from None
    except ClientDisconnect:
        raise Refused(400, "the connection broke") from None
    return bytes(body)


def refusal_response(refusal: Refused) -> JSONResponse:
    return JSONResponse({"error": refusal.words}, refusal.status)


def _is_own(origin: str, host: str, scope: Scope) -> bool:
    """A page that this very server gave: same scheme, host and port."""
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    return origin.lower() == f"{scheme}://{host}".lower()


async def _refuse(scope: Scope, receive: Any, send: Any, refusal: Refused) -> None:
    if scope["type"] == "http":
        await refusal_response(refusal)(scope, receive, send)
        return
    await receive()  # websocket.connect
    await send({"type": "websocket.close", "code": 4000 + refusal.status, "reason": refusal.words})
