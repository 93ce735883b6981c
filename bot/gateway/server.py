"""The gateway: FastAPI on uvicorn, inside the bot's own event loop."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final

import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from typing_extensions import override

from bot.errors import ConfigurationError
from bot.gateway import jsonrpc
from bot.gateway.guard import LOOPBACK, Guard, Refused, is_loopback, read_json_body, refusal_response
from bot.gateway.limits import RateLimit
from bot.gateway.metrics import metrics_text
from bot.gateway.service import answer
from bot.gateway.tokens import Doorkeeper, bearer, is_strong
from bot.gateway.websocket import CLOSE_GOING, Connection, Door
from bot.methods.desk import Caller, Desk
from bot.methods.failure import UNAUTHORISED, MethodFailed
from bot.methods.page import Nothing
from bot.methods.system import health
from bot.settings.model import GatewaySettings
from channels.message import Destination
from channels.port import Channel, HttpRequest, TakesRequests

log = logging.getLogger(__name__)

STOP_SECONDS: Final = 2
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
    def identify(self, token: str | None, since: int | None) -> Mapping[str, Any]:
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
    where = (settings.host, settings.port, settings.frame_bytes, "gateway.port")
    async with listening(gateway.app(), *where) as address:
        try:
            yield address
        finally:
            await gateway.close()


def check_bind(settings: GatewaySettings) -> None:
    """Raises ConfigurationError for an address that others can reach without a strong token."""
    token = settings.token.get_secret_value() if settings.token else None
    if token is not None and not is_strong(token):
        raise ConfigurationError(
            "JAVIS_GATEWAY_TOKEN is too weak: take one of javis token create, or 22 random characters and more"
        )
    if not is_loopback(settings.host) and token is None:
        raise ConfigurationError(
            f"the gateway would be open to others at {settings.host}: set JAVIS_GATEWAY_TOKEN to a strong token first, "
            "or gateway.host to 127.0.0.1"
        )


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
        self._door = Door(desk, doorkeeper, self._rate_limit(), desk.clock)

    def app(self) -> Guard:
        """The ASGI application."""
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        app.add_exception_handler(Refused, _refused)
        app.add_api_route("/health", self.get_health, methods=["GET"])
        app.add_api_route("/metrics", self.get_metrics, methods=["GET"])
        app.add_api_route("/rpc", self.post_rpc, methods=["POST"])
        app.add_api_route("/channels/{channel}/{account}", self.post_to_channel, methods=["POST"])
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
        said = await answer(self._desk, caller, jsonrpc.parse(body))
        if said is None:
            return Response(status_code=204)
        status = 401 if caller.name is None and f'"code":{UNAUTHORISED}' in said else 200
        return Response(said, status, media_type="application/json")

    async def post_to_channel(self, channel: str, account: str, request: Request) -> JSONResponse:
        """A platform that comes to us: its channel says itself whom it believes."""
        found: object = self._find_channel(Destination(channel, account, ""))
        if not isinstance(found, TakesRequests):
            raise Refused(404, "no such channel takes requests here")
        body = await read_json_body(request, self._settings.body_bytes, self._desk.clock)
        headers = {name.lower(): value for name, value in request.headers.items()}
        response = await found.take_request(HttpRequest(headers, body))
        return JSONResponse(dict(response.body), response.status)

    async def websocket(self, socket: WebSocket) -> None:
        if len(self._connections) >= self._settings.connections:
            await socket.close(4503, "too many connections: try again later")
            return
        caller = self._caller(socket.headers)
        if caller.name is None and "authorization" in socket.headers:
            await socket.close(4401, UNKNOWN)
            return
        await socket.accept()
        connection = Connection(socket, self._door, caller.name)
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


@asynccontextmanager
async def listening(app: Any, host: str, port: int, frame_bytes: int, setting: str) -> AsyncIterator[str]:
    """Serve `app` at host and port (0: any free one); the address. `setting` names what to change when it is taken.

    Raises ConfigurationError.
    """
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise ConfigurationError(f"{host}:{port} cannot be served ({error.strerror}): set {setting}") from error
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=frame_bytes,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=65_536,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[bound]), name=f"server {setting}")
    try:
        await asyncio.wait({task, asyncio.ensure_future(server.ready.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        number = bound.getsockname()[1]
        yield f"http://{f'[{host}]' if ':' in host else host}:{number}"
    finally:
        server.should_exit = True
        await task


class _Server(uvicorn.Server):
    """Leaves the signals to the bot, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
