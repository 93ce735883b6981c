"""The webhook channel keeps the contract: a program that signs on one side, its own HTTP server on the other."""

import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr
from typing_extensions import override

from channels.clock import ManualClock
from channels.message import Destination, JsonObject
from channels.port import Channel, ChannelContext, HttpRequest, ShortMemory
from channels.registry import load_manifests, open_channel
from channels.signature import new_key, sign
from channels.testing import ChannelContract, ChannelHarness, Fault, eventually
from channels.webhook.channel import WebhookChannel
from channels.webhook.config import WebhookAccount, WebhookConfig

KEY = new_key()


class Receiver:
    """The program's server: it takes posts, or fails as it is told to."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.fault: Fault | None = None
        self.url = ""
        self._server: asyncio.Server | None = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Receiver"]:
        app = web.Application()
        app.router.add_post("/answers", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        assert runner.server is not None
        self._server = await asyncio.get_running_loop().create_server(runner.server, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/answers"
        try:
            yield self
        finally:
            self.vanish()
            await runner.cleanup()

    def vanish(self) -> None:
        """Nothing accepts a connection any more."""
        assert self._server is not None
        self._server.close()

    async def _take(self, request: web.Request) -> web.Response:
        fault, self.fault = self.fault, None
        if fault == "rate_limited":
            return web.Response(status=429, headers={"Retry-After": "7"})
        if fault == "refused":
            return web.Response(status=422)
        if fault == "server_error":
            return web.Response(status=502)
        self.texts.append((await request.json())["text"].strip())
        if fault == "lost_answer":
            assert request.transport is not None
            request.transport.close()
        return web.Response(status=204)


class WebhookHarness(ChannelHarness):
    """A program that sends again every second what was not taken."""

    memory = ShortMemory()
    faults: Collection[Fault] = ("rate_limited", "refused", "lost_answer", "server_error", "unreachable")
    destination = Destination("webhook", "shop", "orders", "7")

    def __init__(self, receiver: Receiver) -> None:
        self.clock = ManualClock()
        self._receiver = receiver
        self._numbers = itertools.count(1)
        self._unsent: deque[dict[str, str]] = deque()
        self._said = asyncio.Event()
        self._reply_url = receiver.url

    @override
    def open(self) -> AbstractAsyncContextManager[Channel]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Channel]:
        account = WebhookAccount(secrets=[SecretStr(KEY)], reply_url=self._reply_url)
        context = ChannelContext("shop", WebhookConfig(accounts={"shop": account}), self.clock)
        async with open_channel(load_manifests()["webhook"], context) as channel:
            assert isinstance(channel, WebhookChannel)
            sending = asyncio.create_task(self._send(channel))
            try:
                yield channel
            finally:
                sending.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await sending

    @override
    async def say(self, text: str) -> None:
        said = {"id": f"m{next(self._numbers)}", "text": text, "sender": "me", "peer": "orders", "thread": "7"}
        self._unsent.append(said)
        self._said.set()

    async def _send(self, channel: WebhookChannel) -> None:
        await eventually(lambda: channel.is_open)
        while True:
            while self._unsent:
                body = json.dumps(self._unsent[0])
                headers = sign([KEY], f"msg_{self._unsent[0]['id']}", self.clock.now(), body)
                response = await channel.take_request(HttpRequest(headers, body.encode()))
                if response.status == 202:
                    self._unsent.popleft()
                else:
                    assert response.status == 503
                    await self.clock.sleep(1)
            self._said.clear()
            await self._said.wait()

    @override
    def inject(self, fault: Fault) -> None:
        if fault == "unreachable":
            self._receiver.vanish()
        self._receiver.fault = fault

    @override
    def text(self, payload: JsonObject) -> str:
        return str(payload["text"])

    @override
    def received(self) -> Sequence[str]:
        return self._receiver.texts


class TestWebhook(ChannelContract):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[ChannelHarness]:
        async with Receiver().serving() as receiver:
            yield WebhookHarness(receiver)
