"""What an entry of the model list says, as the server and its proxy see it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from bot.providers.attempt import NoAnswer
from bot.providers.connections import Connections, open_connections
from bot.providers.models import Models
from bot.providers.port import ChatMessage, CompletionRequest
from channels.clock import ManualClock
from tests.unit.providers.server import ProviderServer, completion
from tests.unit.providers.setting import ListedEntry

REQUEST = CompletionRequest([ChatMessage("user", "hi")], max_tokens=7)


@pytest.fixture
async def connections() -> AsyncIterator[Connections]:
    async with open_connections() as connections:
        yield connections


async def ask(connections: Connections, entry: ListedEntry) -> str:
    models = Models([entry], connections.through, ManualClock())
    return (await models.ask([entry.model_name], REQUEST, patience_seconds=0)).completion.text


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def socks_proxy() -> AsyncIterator[tuple[int, list[tuple[str, str]]]]:
    """A SOCKS 5 proxy that wants a name and a password (RFC 1928, RFC 1929): its port, and whom it let in."""
    seen: list[tuple[str, str]] = []
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        _, count = await reader.readexactly(2)
        await reader.readexactly(count)
        writer.write(b"\x05\x02")
        await reader.readexactly(1)
        name = await reader.readexactly((await reader.readexactly(1))[0])
        password = await reader.readexactly((await reader.readexactly(1))[0])
        seen.append((name.decode(), password.decode()))
        writer.write(b"\x01\x00")
        _, _, _, kind = await reader.readexactly(4)
        host = socket.inet_ntoa(await reader.readexactly(4)) if kind == 1 else None
        if host is None:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        (port,) = struct.unpack(">H", await reader.readexactly(2))
        there_reader, there_writer = await asyncio.open_connection(host, port)
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await asyncio.gather(pipe(reader, there_writer), pipe(there_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], seen
        await asyncio.gather(*filter(None, serving))


async def test_call_goes_through_the_entrys_socks_proxy(server: ProviderServer) -> None:
    async with socks_proxy() as (port, seen):
        server.reply(completion("through"))
        async with open_connections() as connections:
            proxy = SecretStr(f"socks5://ann:s3cret@127.0.0.1:{port}")
            entry = ListedEntry("m", "vllm/x", None, server.base_url, proxy=proxy)
            assert await ask(connections, entry) == "through"
    assert seen == [("ann", "s3cret")]


async def test_call_goes_through_the_entrys_http_proxy(connections: Connections, server: ProviderServer) -> None:
    """A proxy is asked for the whole address, which the stand-in answers itself."""
    server.reply(completion("through"))
    proxy = SecretStr(server.base_url.removesuffix("/v1"))
    entry = ListedEntry("m", "vllm/x", None, "http://models.example/v1", proxy=proxy)
    assert await ask(connections, entry) == "through"
    assert server.received[0].headers["Host"] == "models.example"


async def test_dead_proxy_is_an_unreachable_server_and_its_password_is_not_told(connections: Connections) -> None:
    proxy = SecretStr("socks5://ann:s3cret@127.0.0.1:9")
    entry = ListedEntry("m", "vllm/x", None, "http://models.example/v1", proxy=proxy)
    with pytest.raises(NoAnswer) as caught:
        await ask(connections, entry)
    assert caught.value.reason == "model_unreachable"
    assert "s3cret" not in repr(caught.value) + str(caught.value.failure)


def test_entries_of_one_proxy_share_its_connections(connections: Connections) -> None:
    one = connections.through("http://127.0.0.1:9")
    assert connections.through("http://127.0.0.1:9") is one
    assert connections.through(None) is not one
    assert isinstance(connections.through(None), httpx.AsyncClient)


async def test_own_headers_and_token_field_are_sent(connections: Connections, server: ProviderServer) -> None:
    server.reply(completion())
    entry = ListedEntry(
        "m",
        "vllm/x",
        None,
        server.base_url,
        max_tokens_field="max_completion_tokens",
        headers={"X-Team": SecretStr("bots"), "User-Agent": SecretStr("mine")},
    )
    await ask(connections, entry)
    (got,) = server.received
    assert (got.headers["X-Team"], got.headers["User-Agent"]) == ("bots", "mine")
    assert set(got.json) == {"model", "messages", "max_completion_tokens"}


async def test_connection_is_used_again(connections: Connections, server: ProviderServer) -> None:
    entry = ListedEntry("m", "vllm/x", None, server.base_url)
    models = Models([entry], connections.through, ManualClock())
    for _ in range(5):
        server.reply(completion())
        await models.ask(["m"], REQUEST)
    assert server.connections == 1


async def test_proxy_of_the_environment_is_used(server: ProviderServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.base_url.removesuffix("/v1"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.reply(completion("through"))
    async with open_connections() as connections:
        assert await ask(connections, ListedEntry("m", "vllm/x", None, "http://models.example/v1")) == "through"
    assert server.received[0].headers["Host"] == "models.example"
