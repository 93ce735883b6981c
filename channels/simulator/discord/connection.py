"""One WebSocket of the gateway: what comes in, what is to be sent, and how."""

import asyncio
import contextlib
import json
import zlib
from collections import deque
from typing import Final

from aiohttp import web

from channels.simulator.discord.session import Frame, Session
from channels.simulator.discord.wire import Wire

FRAME_BYTES: Final = 4096
FRAMES, FRAME_SECONDS = 120, 60.0


class Connection:
    """`session` None: nobody has identified yet. `compress` is Discord's zlib-stream."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse, *, compress: bool) -> None:
        self.host = request.host
        self.socket = socket
        self.outgoing: asyncio.Queue[Frame] = asyncio.Queue()
        self.session: Session | None = None
        self.closed = asyncio.Event()
        self._request = request
        self._deflate = zlib.compressobj() if compress else None
        self._taken: deque[float] = deque()

    def break_off(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def count(self, now: float) -> bool:
        """False when the client sends more than it may."""
        while self._taken and now - self._taken[0] > FRAME_SECONDS:
            self._taken.popleft()
        self._taken.append(now)
        return len(self._taken) <= FRAMES

    async def write(self) -> None:
        """Send what is put into `outgoing`, until the connection ends."""
        with contextlib.suppress(ConnectionError):
            while True:
                frame = await self.outgoing.get()
                if isinstance(frame, int):
                    await self.socket.close(code=frame)
                    break
                if self._deflate is None:
                    await self.socket.send_str(frame)
                else:
                    data = self._deflate.compress(frame.encode("utf-8", "surrogatepass"))
                    await self.socket.send_bytes(data + self._deflate.flush(zlib.Z_SYNC_FLUSH))
        self.closed.set()


def decoded(data: str | bytes) -> Wire | None:
    """The JSON object of a frame; None for what is none, or too long."""
    if len(data) > FRAME_BYTES:
        return None
    try:
        frame = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None
