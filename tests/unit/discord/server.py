"""A Discord whose every answer is written by the test: REST and gateway, and a channel that talks to it."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web
from pydantic import SecretStr

from channels.clock import ManualClock
from channels.config import BotAccount
from channels.discord.config import DiscordConfig, DiscordRate
from channels.port import Channel, ChannelContext, Memory, ShortMemory
from channels.registry import load_manifests, open_channel
from channels.testing import MemoryInbox, eventually, receiving
from tests.patience import PATIENCE_SECONDS
from tests.unit.discord.setting import BOT, BOT_AUTHOR, CHANNEL, GUILD, OWN_ROLE, THREAD

TOKEN = "canary.token.value"
UNLIMITED = DiscordRate(bot_per_second=None, chat_per_second=None)
TRY_AGAIN = {"": "again please", "zh-Hant": "再試一次"}

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def body(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with the JSON of `value`, or with `value` itself when it is bytes."""

    async def answer(_request: web.Request) -> web.Response:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return web.Response(body=data, status=status, headers=headers, content_type="application/json")

    return answer


def refusal(status: int, code: int, words: str = "No") -> Answer:
    return body({"message": words, "code": code}, status)


def slow_down(seconds: float, *, everywhere: bool = False) -> Answer:
    return body({"message": "slow", "retry_after": seconds, "global": everywhere}, 429)


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Take the request, then drop the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def guild(last_message_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """A server with one text channel and one thread in it, as GUILD_CREATE brings it."""
    everything = str(1 << 10 | 1 << 16)  # view channels, read their history
    place = {"guild_id": GUILD, "name": "general", "last_message_id": last_message_id}
    return {
        "id": GUILD,
        "name": "A server",
        "owner_id": "1",
        "unavailable": False,
        "roles": [
            {"id": GUILD, "name": "@everyone", "permissions": everything, "position": 0, "color": 0, "hoist": False,
             "managed": False, "mentionable": False, "flags": 0},
            {"id": OWN_ROLE, "name": "Javis", "permissions": everything, "position": 1, "color": 0, "hoist": False,
             "managed": True, "mentionable": True, "tags": {"bot_id": BOT}, "flags": 0},
        ],
        "members": [{"user": BOT_AUTHOR, "roles": [OWN_ROLE], "joined_at": "2025-01-01T00:00:00+00:00", "flags": 0}],
        "channels": [place | {"id": CHANNEL, "type": 0, "position": 0, "permission_overwrites": []}],
        "threads": [place | {
            "id": THREAD, "type": 11, "parent_id": CHANNEL, "owner_id": BOT, "member_count": 1, "message_count": 1,
            "thread_metadata": {"archived": False, "auto_archive_duration": 60, "locked": False,
                                "archive_timestamp": "2025-01-01T00:00:00+00:00"},
        }],
        "emojis": [], "stickers": [], "features": [], "preferred_locale": "en-US",
    } | fields  # fmt: skip


class ScriptedDiscord:
    """Answers the calls of each `METHOD /path` in turn with what the test put there, and as usual without a script."""

    def __init__(self) -> None:
        self.base = ""
        self.calls: list[tuple[str, Any]] = []
        self.authorizations: dict[str, str | None] = {}
        self.script: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self.guilds: list[dict[str, Any]] = [guild()]
        self.identified: list[dict[str, Any]] = []
        self.resumed: list[dict[str, Any]] = []
        self.refuse_with: deque[int] = deque()
        self.flags = 1 << 19
        self.endpoint: str | None = None
        self._sockets: list[web.WebSocketResponse] = []
        self._sequence = 0
        self._messages = 0
        self.stop: Callable[[], Awaitable[None]]

    def calls_of(self, name: str) -> list[Any]:
        """The bodies (or queries) of the calls to `METHOD /path`."""
        return [content for called, content in self.calls if called == name]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.method} /{request.match_info['path']}"
        content = await request.json() if request.can_read_body else dict(request.query)
        self.calls.append((name, content))
        self.authorizations[name] = request.headers.get("Authorization")
        if self.script[name]:
            return await self.script[name].popleft()(request)
        return await self._usual(name)(request)

    def _usual(self, name: str) -> Answer:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        socket = self.base.replace("http", "ws").replace("/api/v10", "/gateway")
        usual = {
            "GET /users/@me": body(BOT_AUTHOR),
            "GET /applications/@me": body(
                {"id": BOT, "name": "Javis", "flags": self.flags, "interactions_endpoint_url": self.endpoint}
            ),
            "GET /gateway/bot": body({"url": socket, "shards": 1, "session_start_limit": limit}),
        }
        if name.endswith(("/callback", "/typing")):
            return body(b"", 204)
        if name.startswith("GET /channels") and name.endswith("/messages"):
            return body([])
        self._messages += 1
        return usual.get(name, body({"id": str(1_500_000_000_000_000_000 + self._messages)}))

    async def gateway(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 40_000}, "s": None, "t": None})
        self._sockets.append(socket)
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                break
            said = json.loads(frame.data)
            if said["op"] == 1:
                await socket.send_json({"op": 11, "d": None, "s": None, "t": None})
            elif said["op"] == 2:
                await self._greet(socket)
                self.identified.append(said["d"])
            elif said["op"] == 6:
                self.resumed.append(said["d"])
                await self.dispatch("RESUMED", {})
        self._sockets.remove(socket)
        return socket

    async def _greet(self, socket: web.WebSocketResponse) -> None:
        if self.refuse_with:
            await socket.close(code=self.refuse_with.popleft())
            return
        self._sequence = 0
        waiting = [{"id": each["id"], "unavailable": True} for each in self.guilds]
        session = {"session_id": f"session {len(self.identified) + 1}", "resume_gateway_url": self._address()}
        ready = {"v": 10, "user": BOT_AUTHOR, "guilds": waiting, "application": {"id": BOT, "flags": self.flags}}
        await self.dispatch("READY", ready | session)
        for each in self.guilds:
            await self.dispatch("GUILD_CREATE", each)

    def _address(self) -> str:
        return self.base.replace("http", "ws").replace("/api/v10", "/gateway")

    async def dispatch(self, event: str, data: Any) -> None:
        self._sequence += 1
        await self._sockets[-1].send_json({"op": 0, "t": event, "s": self._sequence, "d": data})

    async def say(self, operation: int, data: Any) -> None:
        """Reconnect (7), invalid session (9)."""
        await self._sockets[-1].send_json({"op": operation, "d": data, "s": None, "t": None})

    async def disconnect(self, code: int) -> None:
        await self._sockets[-1].close(code=code)


@asynccontextmanager
async def scripted_discord() -> AsyncIterator[ScriptedDiscord]:
    server = ScriptedDiscord()
    app = web.Application()
    app.router.add_get("/gateway/", server.gateway)
    app.router.add_get("/gateway", server.gateway)
    app.router.add_route("*", "/api/v10/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    server.stop = runner.cleanup
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        server.base = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v10"
        yield server
    finally:
        await runner.cleanup()


class Setting:
    """One Discord, one clock, one memory; channels come and go."""

    def __init__(self, server: ScriptedDiscord) -> None:
        self.server = server
        self.clock = ManualClock()
        self.memory: Memory = ShortMemory()
        self.rate = UNLIMITED
        self.token = TOKEN

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Channel]:
        account = BotAccount(token=SecretStr(self.token))
        config = DiscordConfig(accounts={"default": account}, api_base=self.server.base, rate=self.rate)
        context = ChannelContext("default", config, self.clock, self.memory, TRY_AGAIN)
        async with open_channel(load_manifests()["discord"], context) as channel:
            yield channel

    def inbox(self, refusal_: Exception | None = None) -> MemoryInbox:
        return MemoryInbox(refusal_, self.memory)

    @asynccontextmanager
    async def listening(self, inbox: MemoryInbox, sessions: int = 1) -> AsyncIterator[Channel]:
        """A channel that has opened its `sessions`th session and receives."""
        async with self.open() as channel, receiving(channel, inbox):
            await eventually(lambda: len(self.server.identified) >= sessions)
            yield channel

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let everything run, the clock too, until `condition` holds."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0)
                if self.clock.sleepers:
                    await self.clock.advance(1)
