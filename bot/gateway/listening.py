"""A server on a socket of its own, inside the bot's event loop, as patient with strangers as it can afford.

uvicorn waits without end for a request's headers and takes as many as come, and every connection is a file: whoever
opens some hundreds would stop the whole bot. Behind the headers the guard's own limits hold.
"""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bot.errors import ConfigurationError

STOP_SECONDS: Final = 2
DATE_SECONDS: Final = 1
_FULL: Final = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many connections there may be at once, and how long and large the beginning of a request, to the end of its
    headers."""

    connections: int
    head_seconds: float = 10.0
    head_bytes: int = 65_536


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    bounds: ClassVar[Bounds]

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base does
        super().connection_made(transport)
        self._head_began: float | None = self.loop.time()
        self._head_bytes = 0
        self._watch = self.loop.call_later(self.bounds.head_seconds, self._look)
        if len(self.connections) > self.bounds.connections:
            transport.write(_FULL)
            transport.close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._watch.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        was_head = self._head_began is not None
        super().data_received(data)
        if was_head and self._head_began is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self.bounds.head_bytes:
                self.transport.abort()

    @override
    def on_message_begin(self) -> None:
        self._head_began = self.loop.time()
        self._head_bytes = 0
        super().on_message_begin()

    @override
    def on_headers_complete(self) -> None:
        self._head_began = None
        super().on_headers_complete()

    @override
    def handle_websocket_upgrade(self) -> None:
        self._watch.cancel()  # another protocol takes the connection over
        super().handle_websocket_upgrade()

    def _look(self) -> None:
        if self._head_began is not None and self.loop.time() - self._head_began >= self.bounds.head_seconds:
            self.transport.abort()
        else:
            self._watch = self.loop.call_later(self.bounds.head_seconds, self._look)


def bounded(limits: Bounds) -> type[BoundedProtocol]:
    """The protocol with its bounds, as uvicorn wants it."""

    class Bounded(BoundedProtocol):
        bounds = limits

    return Bounded


@asynccontextmanager
async def listening(
    app: Any, host: str, port: int, setting: str, *, frame_bytes: int = 1024, bounds: Bounds
) -> AsyncIterator[str]:
    """Serve `app` at host and port (0: any free one); the address. `setting` names what to change when it is taken.

    `frame_bytes` bounds a message on a WebSocket. Raises ConfigurationError.
    """
    try:
        bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (")[0]  # the rest tells the address again
        why = "something else listens there" if error.errno == errno.EADDRINUSE else reason
        raise ConfigurationError(f"cannot listen at {host}:{port} ({why}): change {setting}") from error
    config = uvicorn.Config(
        app,
        http=bounded(bounds),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=frame_bytes,
        ws_per_message_deflate=False,
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
        server.stop()
        await task


class _Server(uvicorn.Server):
    """Leaves the signals to the bot, and tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Take no more connections and end `serve`."""
        self.should_exit = True
        self._stopping.set()

    @override
    async def main_loop(self) -> None:
        # uvicorn's own asks ten times a second whether to exit: half of what a bot costs to which nobody speaks.
        while not await self.on_tick(0):  # sets the Date header
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), DATE_SECONDS)

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        await asyncio.sleep(0)  # connections that their clients have closed are seen to be closed
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)  # which takes a tenth of a second at least
        else:
            for each in sockets or []:
                each.close()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()
