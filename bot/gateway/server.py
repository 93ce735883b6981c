"""The gateway: FastAPI on uvicorn, inside the bot's own event loop."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from typing_extensions import override

from bot.gateway import jsonrpc
from bot.gateway.bind import check_bind
from bot.gateway.guard import LOOPBACK, Guard, Refused, check_json_headers, read_body, read_json_body, refusal_response
from bot.gateway.limits import RateLimit
from bot.gateway.listening import Bounds, listening
from bot.gateway.metrics import metrics_text
from bot.gateway.openai import OpenAiDoor
from bot.gateway.service import answer, waits
from bot.gateway.tokens import Doorkeeper, bearer
from bot.gateway.websocket import CLOSE_GOING, CLOSE_UNAUTHORISED, Connection, Door
from bot.methods.desk import Caller, Desk
from bot.methods.failure import UNAUTHORISED, MethodFailed
from bot.methods.page import Nothing
from bot.methods.system import health
from bot.methods.table import find
from bot.settings.doors import GatewaySettings
from channels.message import Destination
from channels.port import Channel, HttpRequest, TakesRequests

log = logging.getLogger(__name__)

PLAIN_CONNECTIONS: Final = 500  # beside those with a WebSocket
MOST_WAITING: Final = 1000  # calls by `POST /rpc` that wait for a model or a platform
BURST_SECONDS: Final = 2  # of the steady rate may come at once
UNKNOWN: Final = "a good Bearer token is needed: make one with javis token create"
FindChannel = Callable[[Destination], Channel | None]


class HttpCaller(Caller):
    """Who sent one request; it hears no events."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    @property
    @override
    def name(self) -> str | None:
        return self._name

    @override
    def join(self, session_key: str) -> None:
        return

    @override
    def identify(self, token: str | None, sessions: Sequence[str], since: int | None) -> Mapping[str, Any]:
        """A request shows its token in its header."""
        if self._name is None:
            raise MethodFailed(UNAUTHORISED, "send the token in the Authorization header")
        return {"name": self._name}


@asynccontextmanager
async def open_gateway(
    settings: GatewaySettings, desk: Desk, doorkeeper: Doorkeeper, find_channel: FindChannel
) -> AsyncIterator[str]:
    """Serve while the block runs; the address under which it does. Raises ConfigurationError."""
    check_bind(settings)
    gateway = Gateway(settings, desk, doorkeeper, find_channel)
    bounds = Bounds(settings.connections + PLAIN_CONNECTIONS)
    async with listening(
        gateway.app(), settings.host, settings.port, "gateway.port", frame_bytes=settings.frame_bytes, bounds=bounds
    ) as address:
        try:
            yield address
        finally:
            await gateway.close()


class Gateway:
    """The routes, and the WebSocket connections that are open."""

    def __init__(
        self, settings: GatewaySettings, desk: Desk, doorkeeper: Doorkeeper, find_channel: FindChannel
    ) -> None:
        self._settings = settings
        self._desk = desk
        self._doorkeeper = doorkeeper
        self._find_channel = find_channel
        self._connections: set[Connection] = set()
        self._waiting = 0
        self._door = Door(desk, doorkeeper, self._rate_limit(), desk.clock)

    def app(self) -> Guard:
        """The ASGI application."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.add_exception_handler(Refused, _refused)
        app.add_api_route("/health", self.get_health, methods=["GET"])
        app.add_api_route("/metrics", self.get_metrics, methods=["GET"])
        app.add_api_route("/rpc", self.post_rpc, methods=["POST"])
        app.add_api_route("/api/cron/wake", self.post_wake, methods=["POST"])
        app.add_api_route("/channels/{channel}/{account}", self.post_to_channel, methods=["POST"])
        OpenAiDoor(self._desk, self._caller, self._settings.openai_body_bytes).add_routes(app)
        app.add_api_websocket_route("/ws", self.websocket)
        hosts = [*LOOPBACK, self._settings.host, *self._settings.hosts]
        origins = self._settings.origins
        return Guard(app, routes=app.routes, hosts=hosts, origins=origins, rate=self._rate_limit())

    async def close(self) -> None:
        """Tell every client that the bot stops."""
        for call in list(self._door.calls):
            call.cancel()
        for connection in list(self._connections):
            await connection.close(CLOSE_GOING, "the bot stops")

    async def get_health(self) -> JSONResponse:
        told = await health(self._desk, HttpCaller(None), Nothing())
        return JSONResponse(told, 200 if told["status"] == "ok" else 503)

    async def get_metrics(self, request: Request) -> Response:
        if self._caller(request.headers).name is None:
            raise Refused(401, UNKNOWN)
        return Response(await metrics_text(self._desk), media_type=CONTENT_TYPE_LATEST)

    async def post_rpc(self, request: Request) -> Response:
        body = await read_json_body(request, self._settings.body_bytes, self._desk.clock)
        caller = self._caller(request.headers)
        payload = jsonrpc.parse(body)
        async with self._room_for(payload):
            said = await answer(self._desk, caller, payload)
        if said is None:
            return Response(status_code=204)
        status = 401 if caller.name is None and f'"code":{UNAUTHORISED}' in said else 200
        return Response(said, status, media_type="application/json")

    @asynccontextmanager
    async def _room_for(self, payload: jsonrpc.Payload) -> AsyncIterator[None]:
        """A call that waits goes on when its client has left, and a connection that is free again brings the next one:
        their number is bounded by itself. Raises Refused."""
        if not waits(payload):
            yield
            return
        if self._waiting >= MOST_WAITING:
            raise Refused(429, "too many calls wait for an answer: try again in a moment")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    async def post_wake(self, request: Request) -> JSONResponse:
        """Let the heartbeats run now; a body `{"agent": …}` names one, without a body all do."""
        caller = self._caller(request.headers)
        if caller.name is None:
            raise Refused(401, UNKNOWN)
        body = await read_body(request, self._settings.body_bytes, self._desk.clock)
        if body:
            check_json_headers(request, self._settings.body_bytes)
        try:
            return JSONResponse(await find("heartbeat.run").call(self._desk, caller, json.loads(body or b"{}")))
        except (ValueError, RecursionError, MethodFailed) as error:
            raise Refused(400, str(error)) from None

    async def post_to_channel(self, channel: str, account: str, request: Request) -> JSONResponse:
        """A platform that comes to us: its channel says itself whom it believes."""
        found: object = self._find_channel(Destination(channel, account, ""))
        if found is None and self._is_configured(channel, account):
            raise Refused(503, "this channel is not open here right now: try again in a moment")
        if not isinstance(found, TakesRequests):
            raise Refused(404, "no such channel takes requests here")
        body = await read_json_body(request, self._settings.body_bytes, self._desk.clock)
        headers = {name.lower(): value for name, value in request.headers.items()}
        response = await found.take_request(HttpRequest(headers, body))
        return JSONResponse(dict(response.body), response.status)

    def _is_configured(self, channel: str, account: str) -> bool:
        config = self._desk.settings.channels.get(channel)
        return config is not None and config.enabled and account in config.accounts

    async def websocket(self, socket: WebSocket) -> None:
        if len(self._connections) >= self._settings.connections:
            await socket.close(4503, "too many connections: try again later")
            return
        connection = Connection(socket, self._door)
        header = socket.headers.get("authorization")
        if header is not None and not connection.is_let_in(bearer(header)):
            await socket.close(CLOSE_UNAUTHORISED, UNKNOWN)
            return
        await socket.accept()
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)

    def _caller(self, headers: Mapping[str, str]) -> HttpCaller:
        token = bearer(headers.get("authorization", ""))
        return HttpCaller(None if token is None else self._doorkeeper.name_of(token))

    def _rate_limit(self) -> RateLimit:
        per_second = self._settings.rate_per_second
        return RateLimit(self._desk.clock, per_second, max(1, round((per_second or 1) * BURST_SECONDS)))


async def _refused(_request: Request, refusal: Exception) -> JSONResponse:
    return refusal_response(refusal if isinstance(refusal, Refused) else Refused(500, "something went wrong here"))
