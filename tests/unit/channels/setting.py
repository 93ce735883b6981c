"""A Bot API whose every answer is written by the test, and settings that lead to it."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from channels.clock import Clock
from channels.config import BotAccount
from channels.port import ChannelContext
from channels.telegram.config import TelegramConfig, TelegramRate

TOKEN = "12345:canary-token"
ME = {"id": 12345, "is_bot": True, "first_name": "Javis", "username": "javis_bot", "can_read_all_group_messages": True}
UNLIMITED = TelegramRate(bot_per_second=None, chat_per_second=None, group_per_minute=None)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def result(value: Any) -> Answer:
    return body({"ok": True, "result": value})


def body(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Answer with the JSON of `value`, or with `value` itself when it is bytes."""

    async def answer(_request: web.Request) -> web.Response:
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        return web.Response(body=data, status=status, headers=headers, content_type="application/json")

    return answer


def refusal(code: int, description: str, **parameters: int) -> Answer:
    said: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
    return body(said | ({"parameters": parameters} if parameters else {}), code)


async def hang_up(request: web.Request) -> web.StreamResponse:
    """Take the request, then drop the connection."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def never(_request: web.Request) -> web.StreamResponse:
    """Answer nothing until the client gives up."""
    await asyncio.Event().wait()
    raise AssertionError


class ScriptedApi:
    """Answers each method's calls in turn with what the test put there.

    Without a script getUpdates hangs, as a long poll without news does, and all else succeeds.
    """

    def __init__(self) -> None:
        self.base = ""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.script: defaultdict[str, deque[Answer]] = defaultdict(deque)
        self.peers: set[str] = set()
        self.stop: Callable[[], Awaitable[None]]

    def calls_of(self, method: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == method]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        as_json = request.content_type == "application/json"
        self.calls.append((method, await request.json() if as_json else await _form(request)))
        self.peers.add(str(request.transport and request.transport.get_extra_info("peername")))
        if self.script[method]:
            return await self.script[method].popleft()(request)
        usual = {"getMe": result(ME), "getUpdates": never, "sendMessage": result({"message_id": len(self.calls)})}
        return await usual.get(method, result(True))(request)


async def _form(request: web.Request) -> dict[str, Any]:
    """The fields of a form; a file as its name and content."""
    fields = (await request.post()).items()
    return {
        name: (each.filename, each.file.read()) if isinstance(each, web.FileField) else each for name, each in fields
    }


@asynccontextmanager
async def scripted_api() -> AsyncIterator[ScriptedApi]:
    api = ScriptedApi()
    app = web.Application()
    app.router.add_route("*", f"/bot{TOKEN}/{{method}}", api.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    api.stop = runner.cleanup
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        api.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield api
    finally:
        await runner.cleanup()


def telegram_context(
    api_base: str, clock: Clock, *, token: str | None = TOKEN, rate: TelegramRate = UNLIMITED
) -> ChannelContext:
    secret = SecretStr(token) if token is not None else None
    config = TelegramConfig(accounts={"default": BotAccount(token=secret)}, api_base=api_base, rate=rate)
    return ChannelContext("default", config, clock)
