"""The gateway beside a bare server: calls a second over WebSockets, and how many clients it holds."""

import asyncio
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp

from bench.bots import GATEWAY_TOKEN, javis
from bench.platform import platform

CONNECTIONS = 10
SECONDS = 2.0
ROUNDS = 3
CLIENTS = 1000
MESSAGES = 50
KEY = "agent:main:web:direct:me"


async def measure_gateway() -> None:
    with tempfile.TemporaryDirectory() as folder:
        headers = {"Authorization": f"Bearer {GATEWAY_TOKEN}"}
        async with (
            _bare_server() as bare,
            _javis(Path(folder)) as ours,
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=headers) as http,
        ):
            await _fill(http, ours)
            for name, params in (("health", {}), ("chat.history", {"session_key": KEY, "limit": MESSAGES})):
                call = {"jsonrpc": "2.0", "method": name, "params": params, "id": 1}
                answer = await _answer(http, ours, call)
                rates, ratios = [], []
                for _ in range(ROUNDS):
                    # Each carries what the other one sends back: the same bytes go over the wire.
                    yardstick = await _calls_a_second(http, bare, answer)
                    rates.append(await _calls_a_second(http, ours, json.dumps(call)))
                    ratios.append(rates[-1] / yardstick)
                middle, ratio = statistics.median(rates), statistics.median(ratios)
                print(f"gateway {name:<18}  {middle:8.0f} /s    {ratio:5.2f} x a bare Starlette echo of its answer")
            seconds = await _hold(http, ours)
            print(f"gateway clients held        {CLIENTS:8}       each answered once within {seconds:.1f} s")


async def _fill(http: aiohttp.ClientSession, url: str) -> None:
    for number in range(MESSAGES // 2):
        call = {"jsonrpc": "2.0", "method": "chat.send", "params": {"text": f"line {number}", "sender": "me"}, "id": 1}
        await _answer(http, url, call)


async def _answer(http: aiohttp.ClientSession, url: str, call: object) -> str:
    async with http.ws_connect(url) as connection:
        await connection.send_json(call)
        while True:
            text = await connection.receive_str()
            told = json.loads(text)
            if "error" in told:
                raise RuntimeError(text)
            if "id" in told:
                return text


async def _calls_a_second(http: aiohttp.ClientSession, url: str, text: str) -> float:
    async def talk() -> int:
        count = 0
        async with http.ws_connect(url) as connection:
            while time.monotonic() < end:
                await connection.send_str(text)
                json.loads(await connection.receive_str())
                count += 1
        return count

    begin = time.monotonic()
    end = begin + SECONDS
    counts = await asyncio.gather(*(talk() for _ in range(CONNECTIONS)))
    return sum(counts) / (time.monotonic() - begin)


async def _hold(http: aiohttp.ClientSession, url: str) -> float:
    """Seconds until each of CLIENTS open connections has had one answer."""
    async with AsyncExitStack() as stack:
        connections = [await stack.enter_async_context(http.ws_connect(url)) for _ in range(CLIENTS)]
        begin = time.monotonic()
        for connection in connections:
            await connection.send_json({"jsonrpc": "2.0", "method": "health", "id": 1})
        for connection in connections:
            await connection.receive_str()
        return time.monotonic() - begin


@asynccontextmanager
async def _bare_server() -> AsyncIterator[str]:
    port = _free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.bare_server", str(port))
    async with _until_ended(process):
        await _answers(port)
        yield f"ws://127.0.0.1:{port}/ws"


@asynccontextmanager
async def _javis(folder: Path) -> AsyncIterator[str]:
    port = _free_port()
    gateway = {"port": port, "rate_per_second": None, "connections": CLIENTS + CONNECTIONS}
    async with platform(1) as server, javis(server, folder, gateway):
        await _answers(port)
        yield f"ws://127.0.0.1:{port}/ws"


@asynccontextmanager
async def _until_ended(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    try:
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
