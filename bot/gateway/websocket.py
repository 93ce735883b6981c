"""One client on `WS /ws`: calls in, answers and events out."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from typing_extensions import override

from bot.events import Event, Listener
from bot.gateway import jsonrpc
from bot.gateway.limits import RateLimit
from bot.gateway.service import answer, waits
from bot.gateway.tokens import Doorkeeper
from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, TOO_MANY, UNAUTHORISED, MethodFailed
from channels.clock import Clock

log = logging.getLogger(__name__)

HELLO_SECONDS: Final = 10.0  # to show a token
MOST_IN_FLIGHT: Final = 64  # calls of one connection that are worked on at once
MOST_SESSIONS: Final = 1000  # that one connection hears
# https://www.rfc-editor.org/rfc/rfc6455#section-7.4.2: 4000 and up are ours
CLOSE_UNAUTHORISED: Final = 4401
CLOSE_TOO_SLOW: Final = 4408
CLOSE_GOING: Final = 1001
CLOSE_NO_TEXT: Final = 1003


@dataclass(frozen=True, slots=True)
class Door:
    """What connections share. `calls` are those that wait for more than the database."""

    desk: Desk
    doorkeeper: Doorkeeper
    rate: RateLimit
    clock: Clock
    calls: set[asyncio.Task[None]] = field(default_factory=set)


class Connection(Caller):
    """Serves one client until it leaves."""

    def __init__(self, socket: WebSocket, door: Door, name: str | None) -> None:
        self._socket = socket
        self._door = door
        self._name = name
        self._let_in = asyncio.Event()
        if name is not None:
            self._let_in.set()
        self._sessions: dict[str, None] = {}
        self._in_flight = 0
        self._listener: Listener | None = None

    @property
    @override
    def name(self) -> str | None:
        return self._name

    @override
    def join(self, session_key: str) -> None:
        if self._name is None:
            return
        self._sessions[session_key] = None
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))

    @override
    def identify(self, token: str | None, since: int | None) -> Mapping[str, Any]:
        if token is not None:
            self._name = self._door.doorkeeper.name_of(token)
        if self._name is None:
            raise MethodFailed(UNAUTHORISED, "this token is not good: make one with javis token create")
        self._let_in.set()
        events = self._door.desk.live.events
        missed = None if since is None else events.since(since)
        if since is not None and missed is None:
            raise MethodFailed(
                INVALID_PARAMS, "since is too old, or of another process: read chat.history, then go on without it"
            )
        if self._listener is not None:
            self._listener.repeat([event for event in missed or () if self._hears(event)])
        return {"name": self._name, "seq": events.newest_seq}

    async def serve(self) -> None:
        """Until the client leaves, shows no token in time, or reads too slowly."""
        events = self._door.desk.live.events
        with events.listen(self._hears) as listener:
            self._listener = listener
            chores = [
                asyncio.create_task(self._wait_for_token(), name="hello"),
                asyncio.create_task(self._tell(listener), name="events"),
            ]
            try:
                await self._receive()
            except (WebSocketDisconnect, RuntimeError):  # RuntimeError: we have closed it ourselves
                pass
            finally:
                for chore in chores:
                    chore.cancel()
                await asyncio.gather(*chores, return_exceptions=True)

    async def _receive(self) -> None:
        while True:
            try:
                text = await self._socket.receive_text()
            except KeyError:  # so Starlette tells of a frame of bytes
                await self.close(CLOSE_NO_TEXT, "send JSON as text")
                return
            wait = self._door.rate.take(self._name or "nobody")
            if wait or self._in_flight >= MOST_IN_FLIGHT:
                words = f"too many calls: try again in {max(wait, 1):.0f} s"
                await self._send(jsonrpc.dump(jsonrpc.error(None, TOO_MANY, words)))
                continue
            payload = jsonrpc.parse(text)
            if not waits(payload):
                await self._answer(payload)
                continue
            # Not ours to cancel: what a client said is answered although it left.
            task = asyncio.create_task(self._answer(payload), name="call")
            self._in_flight += 1
            self._door.calls.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight -= 1
        self._door.calls.discard(task)

    async def _answer(self, payload: jsonrpc.Payload) -> None:
        said = await answer(self._door.desk, self, payload)
        if said is not None:
            await self._send(said)

    async def _wait_for_token(self) -> None:
        waiting = asyncio.ensure_future(self._let_in.wait())
        sleeping = asyncio.ensure_future(self._door.clock.sleep(HELLO_SECONDS))
        try:
            await asyncio.wait({waiting, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            sleeping.cancel()
        if self._name is None:
            await self.close(CLOSE_UNAUTHORISED, f"no token within {HELLO_SECONDS:g} s")

    async def _tell(self, listener: Listener) -> None:
        newest = 0
        while events := await listener.read():
            for event in events:
                if event.seq > newest:
                    newest = event.seq
                    await self._send(_text(event))
        await self.close(CLOSE_TOO_SLOW, "the client reads too slowly: connect again and identify with since")

    def _hears(self, event: Event) -> bool:
        if self._name is None:
            return False
        return event.session_key is None or event.session_key in self._sessions

    async def _send(self, text: str) -> None:
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):  # it left meanwhile
                await self._socket.send_text(text)

    async def close(self, code: int, reason: str) -> None:
        """End the connection from our side."""
        if self._socket.application_state is WebSocketState.CONNECTED:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(code, reason)


def _text(event: Event) -> str:
    return jsonrpc.event(event.type, event.seq, {"session_key": event.session_key, **event.data})
