"""Connections of strangers who say nothing, too much, or come in crowds."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import websockets
from fastapi import FastAPI, WebSocket

from bot.gateway.listening import Bounds, listening
from tests.loop_time import LoopTime
from tests.patience import PATIENCE_SECONDS

HEAD_SECONDS = 3600.0


@asynccontextmanager
async def server(bounds: Bounds) -> AsyncIterator[str]:
    app = FastAPI()

    @app.get("/")
    async def hello() -> str:
        return "hello"

    @app.websocket("/ws")
    async def echo(socket: WebSocket) -> None:
        await socket.accept()
        while True:
            await socket.send_text(await socket.receive_text())

    async with listening(app, "127.0.0.1", 0, "port", bounds=bounds) as address:
        yield address


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    url = httpx.URL(address)
    return await asyncio.open_connection(url.host, url.port)


async def _ended_in_time(reader: asyncio.StreamReader) -> bool:
    """Whether the server ends the connection, without a word, when the time for headers is over."""
    time, reading = LoopTime(), asyncio.create_task(_ended(reader))
    while not reading.done():  # the server may not have seen the connection yet
        await time.skip(HEAD_SECONDS)
    return await reading


async def _ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read(1) == b""
    except ConnectionResetError:
        return True


async def test_whoever_says_nothing_is_not_waited_for() -> None:
    async with server(Bounds(10, head_seconds=HEAD_SECONDS)) as address:
        reader, writer = await _connect(address)
        assert await _ended_in_time(reader)
        writer.close()


async def test_whoever_does_not_end_the_headers_is_not_waited_for() -> None:
    async with server(Bounds(10, head_seconds=HEAD_SECONDS)) as address:
        for first in (b"GET / HTTP/1.1\r\nHost: x\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HT"):
            reader, writer = await _connect(address)
            writer.write(first)
            if b"\r\n\r\n" in first:
                assert (await reader.readuntil(b'"hello"')).startswith(b"HTTP/1.1 200")
            assert await _ended_in_time(reader)
            writer.close()


async def test_headers_without_end_are_cut_off() -> None:
    async with server(Bounds(10)) as address:
        reader, writer = await _connect(address)
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        sent = 0
        try:
            while sent < 100_000_000:
                writer.write(b"x" * 65_536)
                await writer.drain()
                sent += 65_536
        except ConnectionError:
            pass
        assert sent < 20_000_000
        assert await _ended(reader)
        writer.close()


async def test_a_crowd_is_told_to_come_back_and_a_place_that_is_free_is_given() -> None:
    async with server(Bounds(2)) as address:
        first = await _connect(address)
        second = await _connect(address)
        reader, writer = await _connect(address)
        assert (await reader.readline()).startswith(b"HTTP/1.1 503")
        assert await reader.read() != b""
        writer.close()
        first[1].close()
        second[1].close()
        while True:  # the server hears of it a moment later
            async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
                if (await http.get(address)).status_code == 200:
                    break


async def test_an_open_websocket_may_be_silent() -> None:
    async with (
        server(Bounds(10, head_seconds=HEAD_SECONDS)) as address,
        websockets.connect(address.replace("http", "ws", 1) + "/ws", ping_interval=None) as socket,
    ):
        reader, writer = await _connect(address)
        assert await _ended_in_time(reader), "time has passed"
        writer.close()
        await socket.send("still there")
        assert await socket.recv() == "still there"
