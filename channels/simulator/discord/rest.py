"""Discord's REST API over HTTP: token, faults and rate limits, around the methods that do the work."""

import hmac
import inspect
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from channels.clock import Clock
from channels.simulator.call import Call, drop
from channels.simulator.discord.buckets import Buckets
from channels.simulator.discord.wire import Request, RestError, json_answer, read_request
from channels.simulator.faults import DISCORD_FAULTS, Fault, FaultKind, Faults
from channels.simulator.guard import Handler as WebHandler

Handler = Callable[[Request], Any | Awaitable[Any]]

CALLS_KEPT: Final = 500
_PROXY: Final = {"Via": "1.1 javis-simulator"}  # client libraries take a 429 without it for a ban


@dataclass(frozen=True, slots=True)
class Route:
    """`by_token` False for interactions, whose path bears a token of its own."""

    method: str
    path: str
    name: str
    handler: Handler
    by_token: bool = True


class Rest:
    """Answers calls, and notes each with `on_call`. `token` may be changed: the old one is refused from then on."""

    def __init__(self, clock: Clock, token: str, on_call: Callable[[Call], None]) -> None:
        self._clock = clock
        self._on_call = on_call
        self.token = token
        self.calls: Counter[str] = Counter()
        self.recent: deque[Call] = deque(maxlen=CALLS_KEPT)
        self.faults = Faults(DISCORD_FAULTS)
        self.buckets = Buckets(clock)

    def add_routes(self, router: web.UrlDispatcher, prefix: str, routes: Sequence[Route]) -> None:
        for route in routes:
            router.add_route(route.method, prefix + route.path, self._serve(route))
        router.add_route("*", prefix + "/{rest:.*}", self._nothing)

    def _serve(self, route: Route) -> WebHandler:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._handle(route, request)

        return serve

    async def _nothing(self, request: web.Request) -> web.StreamResponse:
        if not self._knows(request):
            return self._unauthorized()
        return json_answer({"message": "404: Not Found", "code": 0}, 404)

    async def _handle(self, route: Route, request: web.Request) -> web.StreamResponse:
        if self.buckets.is_banned:
            return web.Response(text="<html>You are being blocked from accessing our API</html>", status=429)
        if route.by_token and not self._knows(request):
            return self._unauthorized()
        self.calls[route.name] += 1
        started = self._clock.monotonic()
        faults = self.faults.take(route.name)
        verdict = self.buckets.take(route.name, _major(request.match_info), counts_everywhere=route.by_token)
        if "delay" in faults:  # on the way here: what has a deadline, as a first response has, misses it
            await self._clock.sleep(faults["delay"].seconds)
        response: web.Response | None
        if early := self._fail_early(faults):
            response, note = early[0], ""
        elif verdict.retry_after_seconds is not None:
            response, note = _too_many(verdict.retry_after_seconds, everywhere=verdict.everywhere), "rate limit"
        else:
            response, note = await _answer(route.handler, request)
        if "lose_answer" in faults:
            response = None
        self._note(route.name, response, started, note or ", ".join(faults))
        if response is None:
            return drop(request)
        response.headers.update(verdict.headers)
        return response

    def _fail_early(self, faults: Mapping[FaultKind, Fault]) -> tuple[web.Response | None] | None:
        """The answer (None: dropped) where a fault spares the method the work; None: let it work."""
        if "disconnect" in faults:
            return (None,)
        if "rate_limit" in faults:
            return (_too_many(faults["rate_limit"].seconds, everywhere=False),)
        if "server_error" in faults:
            status = faults["server_error"].status
            return (web.Response(text=f"<html><h1>{status}</h1></html>", status=status, content_type="text/html"),)
        return None

    def _knows(self, request: web.Request) -> bool:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme == "Bot" and hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self.token.encode())

    def _unauthorized(self) -> web.Response:
        self.buckets.count_invalid(401)
        return json_answer({"message": "401: Unauthorized", "code": 0}, 401)

    def _note(self, name: str, response: web.Response | None, started: float, note: str) -> None:
        status = response.status if response is not None else 0
        self.buckets.count_invalid(status)
        milliseconds = round(1000 * (self._clock.monotonic() - started))
        call = Call("discord", name, status, milliseconds, self._clock.now(), note)
        self.recent.append(call)
        self._on_call(call)


async def _answer(handler: Handler, request: web.Request) -> tuple[web.Response, str]:
    try:
        result = handler(await read_request(request))
        if inspect.isawaitable(result):
            result = await result
    except RestError as error:
        return json_answer(error.body(), error.status), error.message
    except web.HTTPRequestEntityTooLarge:
        return json_answer({"message": "Request entity too large", "code": 40005}, 413), ""
    return (web.Response(status=204) if result is None else json_answer(result)), ""


def _too_many(seconds: float, *, everywhere: bool) -> web.Response:
    told = {"message": "You are being rate limited.", "retry_after": seconds, "global": everywhere}
    response = json_answer(told, 429)
    response.headers.update(_PROXY | {"Retry-After": f"{max(1, round(seconds))}"})
    return response


def _major(path: Mapping[str, str]) -> str:
    """https://discord.com/developers/docs/topics/rate-limits#rate-limits: channel, server, webhook and its token."""
    return path.get("channel") or path.get("guild") or path.get("token") or ""
