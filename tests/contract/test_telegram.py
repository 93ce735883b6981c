"""Telegram keeps the contract of channels, against the simulated Bot API."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr
from typing_extensions import override

from channels.clock import ManualClock
from channels.config import BotAccount
from channels.message import Destination, JsonObject
from channels.port import Channel, ChannelContext, HttpRequest, ShortMemory, TakesRequests
from channels.registry import load_manifests, open_channel
from channels.simulator.server import Simulator, run_simulator
from channels.telegram.config import TelegramConfig, TelegramWebhook
from channels.testing import ChannelContract, ChannelHarness, Fault

FORUM, OWNER = -100_777, 7_000_000_001


class TelegramHarness(ChannelHarness):
    """A topic of a forum; the rates are those of the real platform."""

    faults: Collection[Fault] = {"rate_limited", "closed", "lost_answer", "server_error"}

    def __init__(self, simulator: Simulator, clock: ManualClock) -> None:
        self._simulator = simulator
        self.clock = clock
        self.memory = ShortMemory()
        self._token = simulator.telegram_token
        simulator.telegram.add_group(FORUM, "A forum", [OWNER], kind="forum")
        self._topic = simulator.telegram.add_topic(FORUM, "A topic")
        self.destination = Destination("telegram", "default", str(FORUM), str(self._topic))

    @override
    def open(self) -> AbstractAsyncContextManager[Channel]:
        context = ChannelContext("default", self.config(), self.clock, self.memory)
        return open_channel(load_manifests()["telegram"], context)

    def config(self) -> TelegramConfig:
        return TelegramConfig(
            accounts={"default": BotAccount(token=SecretStr(self._token))},
            api_base=self._simulator.telegram_api_base,
        )

    @override
    async def say(self, text: str) -> None:
        assert self._simulator.telegram.say(FORUM, OWNER, text, topic=self._topic)

    @override
    def inject(self, fault: Fault) -> None:
        platform = self._simulator.telegram
        match fault:
            case "rate_limited":
                platform.faults.switch_on("rate_limit", "sendMessage", count=1, seconds=7)
            case "lost_answer":
                platform.faults.switch_on("lose_answer", "sendMessage", count=1)
            case "server_error":
                platform.faults.switch_on("server_error", "sendMessage", count=1, status=502)
            case "closed":
                platform.set_bot_status(FORUM, OWNER, "kicked")
            case _:
                raise AssertionError(fault)

    @override
    def text(self, payload: JsonObject) -> str:
        return str(payload["text"])

    @override
    def received(self) -> Sequence[str]:
        return [str(message["text"]) for message in self._simulator.telegram.sent(FORUM)]


class Door:
    """A server that hands requests to the channel, where one is open, as the gateway does."""

    def __init__(self) -> None:
        self.channel: TakesRequests | None = None
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Door"]:
        app = web.Application()
        app.router.add_post("/channels/telegram/default", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        if self.channel is None:
            return web.Response(status=503)
        headers = {name.lower(): value for name, value in request.headers.items()}
        response = await self.channel.take_request(HttpRequest(headers, await request.read()))
        return web.json_response(dict(response.body), status=response.status)


class TelegramWebhookHarness(TelegramHarness):
    """The same, where Telegram comes to us."""

    def __init__(self, simulator: Simulator, clock: ManualClock, door: Door) -> None:
        super().__init__(simulator, clock)
        self._door = door

    @override
    def open(self) -> AbstractAsyncContextManager[Channel]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Channel]:
        webhook = TelegramWebhook(url=self._door.url, secret=SecretStr("s" * 32))
        config = self.config().model_copy(update={"webhook": webhook})
        context = ChannelContext("default", config, self.clock, self.memory)
        async with open_channel(load_manifests()["telegram"], context) as channel:
            assert isinstance(channel, TakesRequests)
            self._door.channel = channel
            try:
                yield channel
            finally:
                self._door.channel = None


class TestTelegramWebhook(ChannelContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[ChannelHarness]:
        clock = ManualClock()
        async with run_simulator(port=0, state_dir=None, clock=clock) as simulator, Door().serving() as door:
            yield TelegramWebhookHarness(simulator, clock, door)


class TestTelegram(ChannelContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[ChannelHarness]:
        clock = ManualClock()
        async with run_simulator(port=0, state_dir=None, clock=clock) as simulator:
            yield TelegramHarness(simulator, clock)
