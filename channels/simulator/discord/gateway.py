"""Discord's gateway: sessions over a WebSocket, resumed where a connection broke.

https://discord.com/developers/docs/events/gateway
"""

import asyncio
import secrets
from collections import deque
from typing import Final

from aiohttp import WSMsgType, web

from channels.clock import Clock
from channels.simulator.discord.application import Application
from channels.simulator.discord.connection import Connection, decoded
from channels.simulator.discord.places import guild_event
from channels.simulator.discord.session import (
    ALL_INTENTS,
    GUILD_MEMBERS,
    MESSAGE_CONTENT,
    PRESENCES,
    Frame,
    Session,
    operation,
)
from channels.simulator.discord.sessions import Sessions
from channels.simulator.discord.state import BOT_ID, DiscordState
from channels.simulator.discord.wire import Request, Wire
from channels.simulator.faults import Faults
from channels.simulator.world import World

HEARTBEAT, RECONNECT, INVALID_SESSION, HELLO, ACK = 1, 7, 9, 10, 11
# https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
(UNKNOWN_ERROR, UNKNOWN_OPCODE, DECODE_ERROR, NOT_AUTHENTICATED, AUTHENTICATION_FAILED, ALREADY_AUTHENTICATED) = range(
    4000, 4006
)
INVALID_SEQUENCE, RATE_LIMITED, INVALID_INTENTS, DISALLOWED_INTENTS = 4007, 4008, 4013, 4014
HEARTBEAT_SECONDS: Final = 41.25
# No network is faster, and discord.py counts what comes before its own thread has noted the sending as 41 s late.
ACK_SECONDS: Final = 0.02
IDENTIFIES_KEPT: Final = 100
GATEWAY: Final = "gateway"  # as a fault's target


class Gateway:
    """All sessions of one bot. `acknowledges` False lets heartbeats go unanswered, as a half-dead server does.

    A client that is silent for one and a half `heartbeat_seconds` of real time is cut off: its heartbeats come from a
    thread of its own, by the machine's clock.
    """

    def __init__(
        self,
        clock: Clock,
        world: World[DiscordState],
        application: Application,
        faults: Faults,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._clock = clock
        self._state = world.state
        self._application = application
        self._faults = faults
        self.heartbeat_seconds = heartbeat_seconds
        self._sessions = Sessions(clock, world)
        self._connections: set[Connection] = set()
        self.token = ""
        self.acknowledges = True
        self.identifies: deque[Wire] = deque(maxlen=IDENTIFIES_KEPT)
        self.resumes = 0

    @property
    def is_connected(self) -> bool:
        """Whether a session is being served."""
        return self._sessions.is_served

    def get_gateway(self, request: Request) -> Wire:
        return {"url": f"ws://{request.host}/discord/gateway"}

    def get_gateway_bot(self, request: Request) -> Wire:
        return self.get_gateway(request) | {"shards": 1, "session_start_limit": self._sessions.start_limit()}

    # --- what tests and the page do to it ---

    def cut(self) -> None:
        """Break every connection without a word; sessions may be resumed."""
        for connection in [*self._connections]:
            connection.break_off()

    def ask_to_reconnect(self) -> None:
        self._say_to_all(operation(RECONNECT, None))

    def invalidate(self, *, resumable: bool = False) -> None:
        """Tell every session that it is over, or that it shall be resumed."""
        self._say_to_all(operation(INVALID_SESSION, resumable))
        if not resumable:
            self._sessions.forget_all()
            for connection in self._connections:
                connection.session = None

    def close(self, code: int = 1001) -> None:
        """End every connection with a close code."""
        for connection in [*self._connections]:
            connection.outgoing.put_nowait(code)

    # --- connections ---

    async def connect(self, request: web.Request) -> web.StreamResponse:
        if "disconnect" in self._faults.take(GATEWAY):
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        socket = web.WebSocketResponse(
            compress=False, max_msg_size=1 << 20, receive_timeout=1.5 * self.heartbeat_seconds
        )
        await socket.prepare(request)
        connection = Connection(request, socket, compress=request.query.get("compress") == "zlib-stream")
        self._connections.add(connection)
        writer = asyncio.create_task(connection.write(), name="gateway writer")
        try:
            interval = round(self.heartbeat_seconds * 1000)
            connection.outgoing.put_nowait(operation(HELLO, {"heartbeat_interval": interval}))
            await self._read(connection)
        finally:
            self._connections.discard(connection)
            if connection.session is not None:
                self._sessions.leave(connection.session, connection.outgoing, socket.close_code)
            writer.cancel()
        return socket

    async def _read(self, connection: Connection) -> None:
        try:
            async for frame in connection.socket:
                if frame.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    return
                code = self._take(connection, frame.data)
                if code is not None:
                    connection.outgoing.put_nowait(code)
        except TimeoutError:  # no heartbeat came
            connection.outgoing.put_nowait(UNKNOWN_ERROR)
            await connection.closed.wait()

    def _take(self, connection: Connection, data: str | bytes) -> int | None:
        """Do what a frame asks; the code to close with, None to go on."""
        frame = decoded(data)
        if frame is None:
            return DECODE_ERROR
        if not connection.count(self._clock.monotonic()):
            return RATE_LIMITED
        if frame.get("op") == HEARTBEAT:
            if self.acknowledges:
                later = asyncio.get_running_loop().call_later
                later(ACK_SECONDS, connection.outgoing.put_nowait, operation(ACK, None))
            return None
        return self._obey(connection, frame) if connection.session else self._admit(connection, frame)

    def _admit(self, connection: Connection, frame: Wire) -> int | None:
        """A session begins, or goes on."""
        match frame.get("op"), frame.get("d"):
            case 2, {"token": str(token), "intents": int(intents), "properties": dict()}:
                return self._identify(connection, token, intents, frame["d"])
            case 6, {"token": str(token), "session_id": str(session_id), "seq": seq}:
                return self._resume(connection, token, session_id, seq if isinstance(seq, int) else 0)
            case ((2 | 6), _):
                return DECODE_ERROR
            case _:
                return NOT_AUTHENTICATED

    def _obey(self, connection: Connection, frame: Wire) -> int | None:
        """Within a session."""
        match frame.get("op"), frame.get("d"):
            case ((2 | 6), _):
                return ALREADY_AUTHENTICATED
            case 8, dict() as wanted if connection.session is not None:
                self._tell_members(connection.session, wanted)
                return None
            case ((3 | 4), _):  # how it is shown, and voice: nobody looks
                return None
            case _:
                return UNKNOWN_OPCODE

    def _identify(self, connection: Connection, token: str, intents: int, identify: Wire) -> int | None:
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return AUTHENTICATION_FAILED
        if not 0 <= intents <= ALL_INTENTS:
            return INVALID_INTENTS
        if intents & PRESENCES or (intents & MESSAGE_CONTENT and not self._state.message_content):
            return DISALLOWED_INTENTS
        session = connection.session = self._sessions.begin(intents, connection.outgoing)
        if session is None:
            connection.outgoing.put_nowait(operation(INVALID_SESSION, data=False))
            return None
        self.identifies.append({name: value for name, value in identify.items() if name != "token"})
        self._greet(session, connection.host)
        return None

    def _greet(self, session: Session, host: str) -> None:
        guilds = [guild for guild in self._state.guilds.values() if BOT_ID in guild.members]
        ready = {
            "v": 10,
            "user": self._state.users[BOT_ID] | {"verified": True, "email": None, "mfa_enabled": True},
            "guilds": [{"id": guild.id, "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": f"ws://{host}/discord/gateway",
            "shard": [0, 1],
            "application": {"id": BOT_ID, "flags": self._application.flags},
        }
        session.tell("READY", ready)
        for guild in guilds:
            if session.hears("GUILD_CREATE", in_guild=True):
                session.tell("GUILD_CREATE", guild_event(self._state, guild))

    def _resume(self, connection: Connection, token: str, session_id: str, sequence: int) -> int | None:
        if not secrets.compare_digest(token.encode(), self.token.encode()):
            return AUTHENTICATION_FAILED
        session = self._sessions.find(session_id)
        if session is not None and sequence > session.sequence:
            return INVALID_SEQUENCE
        if session is None or not session.can_resume(sequence):
            connection.outgoing.put_nowait(operation(INVALID_SESSION, data=False))
            return None
        self.resumes += 1
        connection.session = session
        self._sessions.resume(session, sequence, connection.outgoing)
        return None

    def _tell_members(self, session: Session, wanted: Wire) -> None:
        guild = self._state.guilds.get(str(wanted.get("guild_id")))
        if guild is None or not session.intents & GUILD_MEMBERS:
            return
        members = [member | {"user": self._state.users[user]} for user, member in guild.members.items()]
        chunk: Wire = {"guild_id": guild.id, "members": members, "chunk_index": 0, "chunk_count": 1}
        session.tell("GUILD_MEMBERS_CHUNK", chunk | ({"nonce": wanted["nonce"]} if "nonce" in wanted else {}))

    def _say_to_all(self, frame: Frame) -> None:
        for connection in self._connections:
            if connection.session is not None:
                connection.outgoing.put_nowait(frame)
