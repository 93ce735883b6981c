"""The simulated gateway as a client without any library sees it: close codes, sessions, heartbeats."""

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from channels.clock import ManualClock
from channels.simulator.discord.seed import CHANNEL, GUILD, PEOPLE
from channels.simulator.discord.session import KEPT_EVENTS
from channels.simulator.discord.sessions import SESSION_SECONDS
from channels.simulator.server import Simulator
from tests.patience import PATIENCE_SECONDS

INTENTS = 1 | 1 << 9 | 1 << 12 | 1 << 15  # servers, messages there and in direct chats, their text


class Socket:
    """One connection; `sequence` is that of the last event."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, *, compressed: bool) -> None:
        self.socket = socket
        self.sequence: int | None = None
        self._inflate = zlib.decompressobj() if compressed else None

    async def say(self, operation: int, data: Any) -> None:
        await self.socket.send_json({"op": operation, "d": data})

    async def hear(self) -> dict[str, Any]:
        frame = await self.socket.receive(timeout=PATIENCE_SECONDS)
        if frame.type not in {aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY}:
            raise ConnectionError(self.socket.close_code)
        data = self._inflate.decompress(frame.data) if self._inflate else frame.data
        told: dict[str, Any] = json.loads(data)
        self.sequence = told["s"] or self.sequence
        return told

    async def hear_event(self, name: str) -> Any:
        """What the next event of this name carries; all others are passed over."""
        while (told := await self.hear())["t"] != name:
            pass
        return told["d"]

    async def hear_code(self) -> int | None:
        """The code with which the server ends the connection."""
        while True:
            frame = await self.socket.receive(timeout=PATIENCE_SECONDS)
            if frame.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}:
                return self.socket.close_code


@asynccontextmanager
async def connect(simulator: Simulator, query: str = "") -> AsyncIterator[Socket]:
    address = simulator.url.replace("http", "ws") + "/discord/gateway" + query
    async with aiohttp.ClientSession() as http, http.ws_connect(address) as socket:
        connection = Socket(socket, compressed="zlib-stream" in query)
        assert (await connection.hear())["op"] == 10
        yield connection


def identify(simulator: Simulator, intents: int = INTENTS, **fields: Any) -> dict[str, Any]:
    return {"token": simulator.discord_token, "intents": intents, "properties": {}} | fields


@asynccontextmanager
async def session(simulator: Simulator, query: str = "") -> AsyncIterator[tuple[Socket, str]]:
    async with connect(simulator, query) as socket:
        await socket.say(2, identify(simulator))
        ready = await socket.hear_event("READY")
        await socket.hear_event("GUILD_CREATE")
        yield socket, ready["session_id"]


async def leave(simulator: Simulator) -> None:
    """Break the connection without a word, and wait until the server knows."""
    simulator.discord.gateway.cut()
    await simulator.discord.wait_until(lambda: not simulator.discord.gateway.is_connected)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("not json", 4002),
        ("[]", 4002),
        ("{" + " " * 4096 + "}", 4002),
        ('{"op": 2, "d": {"token": 5}}', 4002),
        ('{"op": 3, "d": {}}', 4003),
        ('{"op": 2, "d": {"token": "wrong", "intents": 1, "properties": {}}}', 4004),
        ('{"op": 6, "d": {"token": "wrong", "session_id": "x", "seq": 1}}', 4004),
    ],
)
async def test_what_no_client_should_send_ends_the_connection(simulator: Simulator, frame: str, code: int) -> None:
    async with connect(simulator) as socket:
        await socket.socket.send_str(frame)
        assert await socket.hear_code() == code


@pytest.mark.parametrize(("intents", "code"), [(1 << 40, 4013), (1 << 8, 4014)])
async def test_intents_that_are_unknown_or_not_granted_are_refused(
    simulator: Simulator, intents: int, code: int
) -> None:
    async with connect(simulator) as socket:
        await socket.say(2, identify(simulator, intents))
        assert await socket.hear_code() == code


@pytest.mark.parametrize(("operation", "code"), [(2, 4005), (77, 4001)])
async def test_within_a_session_only_its_operations_are_taken(simulator: Simulator, operation: int, code: int) -> None:
    async with session(simulator) as (socket, _):
        await socket.say(operation, identify(simulator))
        assert await socket.hear_code() == code


async def test_too_many_frames_a_minute_end_the_connection(simulator: Simulator) -> None:
    async with session(simulator) as (socket, _):
        for _ in range(121):
            await socket.say(1, None)
        assert await socket.hear_code() == 4008


async def test_events_may_come_compressed(simulator: Simulator) -> None:
    async with session(simulator, "?v=10&encoding=json&compress=zlib-stream") as (socket, _):
        simulator.discord.say(CHANNEL, PEOPLE[0], "squeezed 壓縮")
        assert (await socket.hear_event("MESSAGE_CREATE"))["content"] == "squeezed 壓縮"


async def test_resumed_session_tells_what_was_missed_and_goes_on(simulator: Simulator) -> None:
    async with session(simulator) as (socket, session_id):
        await leave(simulator)
    simulator.discord.say(CHANNEL, PEOPLE[0], "missed")
    async with connect(simulator) as again:
        resume = {"token": simulator.discord_token, "session_id": session_id, "seq": socket.sequence}
        await again.say(6, resume)
        assert (await again.hear())["d"]["content"] == "missed"
        assert (await again.hear())["t"] == "RESUMED"
        simulator.discord.say(CHANNEL, PEOPLE[0], "fresh")
        assert (await again.hear())["d"]["content"] == "fresh"


async def test_session_cannot_be_resumed_from_beyond_its_end(simulator: Simulator) -> None:
    async with session(simulator) as (_, session_id):
        await leave(simulator)
    async with connect(simulator) as again:
        await again.say(6, {"token": simulator.discord_token, "session_id": session_id, "seq": 999})
        assert await again.hear_code() == 4007


@pytest.mark.parametrize("ending", ["closed", "old", "overrun", "unknown"])
async def test_session_that_is_over_is_invalid(simulator: Simulator, clock: ManualClock, ending: str) -> None:
    async with session(simulator) as (socket, session_id):
        if ending == "closed":
            await socket.socket.close(code=1000)
        else:
            await leave(simulator)
    match ending:
        case "old":
            await clock.advance(SESSION_SECONDS + 1)
        case "overrun":
            for _ in range(KEPT_EVENTS + 1):
                simulator.discord.say(CHANNEL, PEOPLE[0], "x")
        case "unknown":
            session_id = "0" * 32
    async with connect(simulator) as again:
        await again.say(6, {"token": simulator.discord_token, "session_id": session_id, "seq": 1})
        assert await again.hear() == {"op": 9, "d": False, "t": None, "s": None}


async def test_owner_may_ask_for_a_new_connection_or_session(simulator: Simulator) -> None:
    async with session(simulator) as (socket, _):
        simulator.discord.gateway.ask_to_reconnect()
        assert (await socket.hear())["op"] == 7
        simulator.discord.gateway.invalidate(resumable=True)
        assert await socket.hear() == {"op": 9, "d": True, "t": None, "s": None}
        simulator.discord.gateway.invalidate()
        assert await socket.hear() == {"op": 9, "d": False, "t": None, "s": None}


async def test_only_what_was_asked_for_is_told(simulator: Simulator) -> None:
    direct = simulator.discord.state.direct_chat(PEOPLE[0])
    assert direct is not None
    async with connect(simulator) as socket:
        await socket.say(2, identify(simulator, 1 << 12))
        await socket.hear_event("READY")
        simulator.discord.say(CHANNEL, PEOPLE[0], "in the server")
        simulator.discord.say(direct.id, PEOPLE[0], "in private")
        told = await socket.hear()
    assert (told["t"], told["d"]["content"], "guild_id" in told["d"]) == ("MESSAGE_CREATE", "in private", False)


async def test_nothing_of_a_server_is_told_once_the_bot_is_out(simulator: Simulator) -> None:
    async with session(simulator) as (socket, _):
        simulator.discord.servers.remove_bot(GUILD)
        assert await socket.hear_event("GUILD_DELETE") == {"id": GUILD}
        simulator.discord.say(CHANNEL, PEOPLE[0], "among us")
        simulator.discord.servers.invite_bot(GUILD)
        assert (await socket.hear())["t"] == "GUILD_CREATE"


async def test_heartbeats_are_acknowledged_until_told_otherwise(simulator: Simulator) -> None:
    async with session(simulator) as (socket, _):
        await socket.say(1, socket.sequence)
        assert (await socket.hear())["op"] == 11
        simulator.discord.gateway.acknowledges = False
        await socket.say(1, socket.sequence)
        simulator.discord.say(CHANNEL, PEOPLE[0], "still there")
        assert (await socket.hear())["t"] == "MESSAGE_CREATE"


async def test_silent_client_is_cut_off(simulator: Simulator) -> None:
    simulator.discord.gateway.heartbeat_seconds = 0.02
    async with session(simulator) as (socket, _):
        assert await socket.hear_code() == 4000


async def test_too_many_sessions_a_day_are_invalid_until_it_is_over(simulator: Simulator, clock: ManualClock) -> None:
    address = f"{simulator.discord_api_base}/gateway/bot"
    headers = {"Authorization": f"Bot {simulator.discord_token}"}
    async with session(simulator), aiohttp.ClientSession(headers=headers) as http:
        async with http.get(address) as answer:
            limit = (await answer.json())["session_start_limit"]
        await clock.advance(86_401)
        async with http.get(address) as answer:
            later = (await answer.json())["session_start_limit"]
    assert limit == {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    assert later["remaining"] == 1000


async def test_fault_cuts_the_gateway_too(simulator: Simulator) -> None:
    simulator.discord.faults.switch_on("disconnect", "gateway")
    with pytest.raises(aiohttp.ClientError):
        async with connect(simulator):
            pass
    simulator.discord.faults.clear()
    async with connect(simulator):
        pass
