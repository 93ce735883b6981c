"""A model provider on a real socket that says what a test tells it to."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    json: Any


def completion(text: str | None = "hello", **fields: Any) -> dict[str, Any]:
    """The JSON of an answer with one choice; `fields` stand beside the choices."""
    return {"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}], **fields}


class ProviderServer:
    """Answers in the order of `reply` and `handle`; with nothing left to say it answers 500."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.arrived = asyncio.Event()
        self.base_url = ""
        self._peers: set[object] = set()
        self._script: deque[Handler] = deque()

    def reply(self, body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answer once with `body`: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def handler(_request: web.Request) -> web.Response:
            return web.Response(body=data, status=status, headers=headers, content_type="application/json")

        self.handle(handler)

    def handle(self, handler: Handler) -> None:
        """Let `handler` answer once."""
        self._script.append(handler)

    @property
    def connections(self) -> int:
        """From how many sockets requests have come."""
        return len(self._peers)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._peers.add(request.transport and request.transport.get_extra_info("peername"))
        self.received.append(Received(request.path, request.headers.copy(), await request.json()))
        self.arrived.set()
        if not self._script:
            return web.Response(status=500)
        return await self._script.popleft()(request)


@asynccontextmanager
async def open_provider_server() -> AsyncIterator[ProviderServer]:
    """The server, listening on a free port of the loopback."""
    server = ProviderServer()
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", server._answer)
    async with TestServer(app) as listening:
        server.base_url = str(listening.make_url("/v1"))
        yield server
