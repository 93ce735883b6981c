"""One client on `WS /ws`: calls in, answers and events out."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from typing_extensions import override

from bot.events import Event, Listener
from bot.gateway import jsonrpc
from bot.gateway.guard import caller_of
from bot.gateway.limits import RateLimit
from bot.gateway.service import answer, refusal, waits
from bot.gateway.tokens import Doorkeeper, digest
from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, TOO_MANY, UNAUTHORISED, MethodFailed
from channels.clock import Clock

log = logging.getLogger(__name__)

HELLO_SECONDS: Final = 10.0  # to show a token
MOST_IN_FLIGHT: Final = 64  # calls of one connection that are worked on at once
MOST_WAITING: Final = 10_000  # calls of all connections, those that have ended too
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

    def __init__(self, socket: WebSocket, door: Door) -> None:
        self._socket = socket
        self._door = door
        self._address = caller_of(socket.scope)
        self._digest = ""
        self._name: str | None = None
        self._let_in = asyncio.Event()
        self._heard_from = 0
        self._sessions: dict[str, int] = {}  # and the newest event when each was joined
        self._in_flight = 0
        self._listener: Listener | None = None

    @property
    @override
    def name(self) -> str | None:
        return self._name

    def is_let_in(self, token: str | None) -> bool:
        """Whether `token` is good; the connection is its owner's then."""
        shown = digest(token or "")
        name = self._door.doorkeeper.name_of_digest(shown)
        if name is None:
            return False
        if self._name is None:
            self._heard_from = self._newest_seq
        self._digest, self._name = shown, name
        self._let_in.set()
        return True

    @override
    def join(self, session_key: str) -> None:
        if self._name is None:
            return
        self._sessions.setdefault(session_key, self._newest_seq)
        if len(self._sessions) > MOST_SESSIONS:
            self._sessions.pop(next(iter(self._sessions)))

    @override
    def identify(self, token: str | None, sessions: Sequence[str], since: int | None) -> Mapping[str, Any]:
        if (token is not None and not self.is_let_in(token)) or self._name is None:
            raise MethodFailed(UNAUTHORISED, "this token is not good: make one with javis token create")
        for session_key in sessions:
            self.join(session_key)
        missed = None if since is None else self._door.desk.live.events.since(since)
        if since is not None and missed is None:
            raise MethodFailed(
                INVALID_PARAMS, "since is too old, or of another process: read chat.history, then go on without it"
            )
        if self._listener is not None:
            self._listener.repeat([event for event in missed or () if self._hears(event) and not self._has(event)])
        return {"name": self._name, "seq": self._newest_seq}

    async def serve(self) -> None:
        """Until the client leaves, shows no token in time, or reads too slowly."""
        events = self._door.desk.live.events
        with events.listen(self._hears) as listener:
            self._listener = listener
            self._heard_from = self._newest_seq
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
            if not await self._is_still_let_in():
                return
            wait = self._door.rate.take(self._name or f"nobody at {self._address}")
            if wait:
                await self._refuse(text, f"too many calls: try again in {max(wait, 1):.0f} s")
                continue
            payload = jsonrpc.parse(text)
            if not waits(payload):
                await self._answer(payload)
                continue
            if self._in_flight >= MOST_IN_FLIGHT or len(self._door.calls) >= MOST_WAITING:
                await self._refuse(text, "too many calls wait for an answer: try again in a moment")
                continue
            # Not ours to cancel: what a client said is answered although it left.
            task = asyncio.create_task(self._answer(payload), name="call")
            self._in_flight += 1
            self._door.calls.add(task)
            task.add_done_callback(self._ended)

    async def _refuse(self, text: str, words: str) -> None:
        """Whoever waits for an answer must hear this one; a stranger's words are not worth reading."""
        unread = jsonrpc.Payload([jsonrpc.Fault(TOO_MANY, words)])
        said = refusal(unread if self._name is None else jsonrpc.parse(text), TOO_MANY, words)
        if said is not None:
            await self._send(said)

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
        while events := await listener.read():
            if not await self._is_still_let_in():
                return
            for event in events:
                await self._send(_text(event))
        await self.close(CLOSE_TOO_SLOW, "the client reads too slowly: connect again and identify with since")

    async def _is_still_let_in(self) -> bool:
        """False, and the connection ends, once the token that was shown is revoked or has expired."""
        if self._name is None or self._door.doorkeeper.name_of_digest(self._digest) is not None:
            return True
        self._name = None
        await self.close(CLOSE_UNAUTHORISED, "this token is not good any more")
        return False

    @property
    def _newest_seq(self) -> int:
        return self._door.desk.live.events.newest_seq

    def _hears(self, event: Event) -> bool:
        if self._name is None:
            return False
        return event.session_key is None or event.session_key in self._sessions

    def _has(self, event: Event) -> bool:
        """Whether an event that is heard was published when it was heard already."""
        joined = 0 if event.session_key is None else self._sessions[event.session_key]
        return event.seq > max(joined, self._heard_from)

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
