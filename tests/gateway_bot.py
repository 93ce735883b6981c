"""A whole bot in this process, reached through its gateway alone."""

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import websockets
from typing_extensions import override

from bot.app import run
from bot.settings.load import load_settings
from channels.registry import load_manifests
from routing.file import load_bindings
from tests.patience import PATIENCE_SECONDS

TOKEN = "a-token-for-tests-0123456789"
BINDINGS = """\
defaults: {agent: parrot}
agents:
  - {id: parrot, kind: echo}
  - {id: main, kind: llm, model: kimi}
bindings:
  - {agent: main, match: {channel: telegram}}
"""


class Client:
    """A JSON-RPC client on a WebSocket. Events gather in `events`."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def call(self, method: str, **params: Any) -> Any:
        """The result. Raises CallFailed."""
        answer = await self.answer(method, params)
        if "error" in answer:
            raise CallFailed(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    async def answer(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": number}))
        return await future

    async def read(self) -> None:
        """Until the connection ends."""
        async for text in self.socket:
            said = json.loads(text)
            if said.get("method") == "event":
                self.events.put_nowait(said["params"])
            elif said.get("id") in self._waiting:
                self._waiting.pop(said["id"]).set_result(said)

    async def next_event(self, event_type: str) -> dict[str, Any]:
        """The next event of this type; others are passed over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                event = await self.events.get()
                if event["type"] == event_type:
                    return event


class CallFailed(Exception):
    """An error object."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code


class GatewayBot:
    """The running bot: its address and its folder."""

    def __init__(self, address: str, folder: Path) -> None:
        self.address = address
        self.folder = folder
        self.headers = {"Authorization": f"Bearer {TOKEN}"}

    @asynccontextmanager
    async def client(self, *, token: str | None = TOKEN, **options: Any) -> AsyncIterator[Client]:
        """A connection that is let in, or, with `token` None, not yet."""
        options["additional_headers"] = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = self.address.replace("http", "ws", 1) + "/ws"
        async with websockets.connect(url, open_timeout=PATIENCE_SECONDS, ping_interval=None, **options) as socket:
            client = Client(socket)
            reading = asyncio.create_task(client.read())
            try:
                yield client
            finally:
                await socket.close()
                await asyncio.gather(reading, return_exceptions=True)

    async def post(self, body: object, **options: Any) -> httpx.Response:
        """POST /rpc with the token; `body` bytes go out as they are."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.send("/rpc", content, **options)

    async def send(self, path: str, content: bytes, **options: Any) -> httpx.Response:
        """POST with the token."""
        headers = {"Content-Type": "application/json", **self.headers, **options.pop("headers", {})}
        async with httpx.AsyncClient(base_url=self.address, timeout=PATIENCE_SECONDS) as http:
            return await http.post(path, content=content, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.address, timeout=PATIENCE_SECONDS) as http:
            return await http.get(path, **options)


@asynccontextmanager
async def gateway_bot(
    folder: Path, settings_yaml: str = "", environ: Mapping[str, str] | None = None, *, bindings: str = BINDINGS
) -> AsyncIterator[GatewayBot]:
    """`javis run` with the web channel alone, on a free port."""
    (folder / "bindings.yaml").write_text(bindings)
    (folder / "javis.yaml").write_text(settings_yaml or "gateway: {port: 0, rate_per_second: null}\n")
    manifests = load_manifests()
    variables = {"JAVIS_HOME": str(folder / "data"), "JAVIS_GATEWAY_TOKEN": TOKEN, **(environ or {})}
    settings = load_settings(folder / "javis.yaml", variables, manifests)
    settings = replace(settings, dispatch=settings.dispatch.model_copy(update={"webhook_port": 0}))
    stop = asyncio.Event()
    with _listening() as address:
        running = asyncio.create_task(run(settings, load_bindings(folder / "bindings.yaml"), manifests, stop=stop))
        waited: list[asyncio.Future[Any]] = [address, running]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        try:
            yield GatewayBot(address.result(), folder)
        finally:
            stop.set()
            await running


class _listening(logging.Handler):  # noqa: N801 - it is used as a context manager
    """The address that the log tells."""

    def __enter__(self) -> asyncio.Future[str]:
        self.address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._log = logging.getLogger("bot.doors")
        self._level = self._log.level
        self._log.setLevel(logging.INFO)
        self._log.addHandler(self)
        return self.address

    def __exit__(self, *_: object) -> None:
        self._log.removeHandler(self)
        self._log.setLevel(self._level)

    @override
    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage() == "The gateway listens" and not self.address.done():
            self.address.set_result(record.__dict__["address"])
