"""Updates that the simulated Telegram brings after setWebhook, as the real client library sets it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import telegram
from aiohttp import web
from telegram.error import Conflict

from channels.clock import ManualClock
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator


class Server:
    """Where updates are brought. `statuses` are given in turn, then 200."""

    def __init__(self) -> None:
        self.brought: asyncio.Queue[tuple[dict[str, Any], str | None]] = asyncio.Queue()
        self.statuses: list[int] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token")
        self.brought.put_nowait((await request.json(), secret))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def test_updates_are_brought_in_order_with_the_secret_and_again_until_they_are_taken(
    simulator: Simulator, bot: telegram.Bot, server: Server, clock: ManualClock
) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "one")
    simulator.telegram.say(GROUP, FIRST_USER, "two")
    server.statuses = [503]
    assert await bot.set_webhook(server.url, secret_token="s-1")
    first, secret = await server.brought.get()
    assert (first["message"]["text"], secret) == ("one", "s-1")
    while not clock.sleepers:
        await asyncio.sleep(0)
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == (server.url, 2)
    assert "503" in (info.last_error_message or "")
    await clock.advance(1)
    assert [(await server.brought.get())[0]["message"]["text"] for _ in range(2)] == ["one", "two"]
    while simulator.telegram.pending:
        await asyncio.sleep(0)


async def test_while_a_webhook_is_set_nobody_polls(simulator: Simulator, bot: telegram.Bot, server: Server) -> None:
    await bot.set_webhook(server.url)
    with pytest.raises(Conflict, match="webhook is active"):
        await bot.get_updates()
    simulator.telegram.say(GROUP, FIRST_USER, "one")
    assert (await server.brought.get())[1] is None
    await bot.delete_webhook()
    simulator.telegram.say(GROUP, FIRST_USER, "two")
    updates = await bot.get_updates()
    assert updates[-1].message is not None
    assert updates[-1].message.text == "two"
    assert server.brought.empty()


async def test_pending_updates_may_be_dropped(simulator: Simulator, bot: telegram.Bot, server: Server) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "one")
    await bot.set_webhook(server.url, drop_pending_updates=True, allowed_updates=["callback_query"])
    simulator.telegram.say(GROUP, FIRST_USER, "two")
    assert not simulator.telegram.pending
    assert server.brought.empty()
