"""A way between a process and the servers of a test that can be cut as a cable is: nobody is told that it broke.

Where the kernel lets us, a process gets a network of its own (a namespace and a pair of virtual interfaces); elsewhere
its connections go through a proxy of ours that stops carrying.
"""

import asyncio
import itertools
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from typing_extensions import override

NETWORK = "198.18"  # for tests of networks (RFC 2544): no machine of the Internet has such an address
"""The first half of every address that a namespace has."""

NAMESPACES: Final = Path("/run/netns")  # where `ip` keeps their names

_numbers = itertools.count(os.getpid() % 16_000)


class Link(Protocol):
    """One process's way to the servers on this machine's loopback."""

    @property
    def command(self) -> Sequence[str]:
        """What the process is to be started with."""
        ...

    async def through(self, url: str) -> str:
        """The URL by which the process reaches the server at `url`."""
        ...

    async def cut(self) -> None:
        """Nothing passes any more, and no connection ends."""
        ...

    async def mend(self) -> None:
        """What was under way goes on."""
        ...


@asynccontextmanager
async def own_network() -> AsyncIterator[Link]:
    """A link that carries all that a process sends: a namespace of its own, or proxies where that is not allowed."""
    network = None
    try:
        network = NamespaceLink.claimed()
        network.make()
    except (OSError, subprocess.CalledProcessError):
        if network is not None:
            network.remove()
        async with proxied() as proxies:
            yield proxies
        return
    try:
        yield network
    finally:
        network.remove()


@asynccontextmanager
async def proxied(scheme: str = "") -> AsyncIterator["ProxyLink"]:
    """A link that carries only the connections `through` it to servers of this `scheme` ("": all)."""
    async with AsyncExitStack() as stack:
        yield ProxyLink(stack, scheme)


class NamespaceLink(Link):
    """A network namespace in which this machine's 127.0.0.1 lies at the other end of a cable."""

    def __init__(self, number: int) -> None:
        self._name = f"javis-{number}"
        self._here, self._there = f"jv{number}a", f"jv{number}b"
        block = 4 * number
        self._addresses = [f"{NETWORK}.{block // 256}.{block % 256 + each}" for each in (1, 2)]

    @classmethod
    def claimed(cls) -> "NamespaceLink":
        """One whose name and addresses no other process of the tests has: those started together have close numbers.

        Raises OSError or CalledProcessError where it is not allowed, or the tests' PostgreSQL is not ours.
        """
        if "JAVIS_TEST_POSTGRESQL_URL" in os.environ:
            raise OSError("that server need not let in who comes from another address")
        while True:
            link = cls(next(_numbers))
            try:
                _ip("netns", "add", link._name)
            except subprocess.CalledProcessError:
                if not (NAMESPACES / link._name).exists():
                    raise
            else:
                return link

    def make(self) -> None:
        """Lay the cable. Raises OSError or CalledProcessError where it is not allowed."""
        mine, other = self._addresses
        _ip("link", "add", self._here, "type", "veth", "peer", "name", self._there, "netns", self._name)
        _ip("address", "add", f"{mine}/30", "dev", self._here)
        self._inside("address", "add", f"{other}/30", "dev", self._there)
        for inside, device in ((), self._here), (("ip", "netns", "exec", self._name), self._there):
            _run(*inside, "sysctl", "-q", "-w", f"net.ipv4.conf.{device}.route_localnet=1")
        self._inside("link", "set", self._there, "up")
        _ip("link", "set", self._here, "up")
        self._inside("route", "add", "127.0.0.1/32", "via", mine)

    def remove(self) -> None:
        """All that was made of it."""
        with suppress(OSError, subprocess.CalledProcessError):
            _ip("netns", "delete", self._name)  # and the cable with it

    @property
    @override
    def command(self) -> Sequence[str]:
        return ("ip", "netns", "exec", self._name)

    @override
    async def through(self, url: str) -> str:
        return url

    @override
    async def cut(self) -> None:
        _ip("link", "set", self._here, "down")

    @override
    async def mend(self) -> None:
        _ip("link", "set", self._here, "up")

    def _inside(self, *arguments: str) -> None:
        _ip("-netns", self._name, *arguments)


class ProxyLink(Link):
    """Proxies to the servers of `scheme` ("": to all) that stop carrying; they end with `stack`."""

    def __init__(self, stack: AsyncExitStack, scheme: str) -> None:
        self._stack = stack
        self._scheme = scheme
        self._whole = asyncio.Event()
        self._whole.set()
        self._carrying: set[asyncio.Task[None]] = set()
        stack.push_async_callback(self._end)

    @property
    @override
    def command(self) -> Sequence[str]:
        return ()

    @override
    async def through(self, url: str) -> str:
        parts = urlsplit(url)
        if self._scheme not in {"", parts.scheme}:
            return url

        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._carrying.add(task)
            with suppress(OSError, asyncio.CancelledError):
                await self._connect(reader, writer, str(parts.hostname), int(parts.port or 0))

        server = await asyncio.start_server(carry, "127.0.0.1", 0)
        self._stack.callback(server.close)
        port = server.sockets[0].getsockname()[1]
        user = f"{parts.username}@" if parts.username else ""
        return parts._replace(netloc=f"{user}127.0.0.1:{port}").geturl()

    @override
    async def cut(self) -> None:
        self._whole.clear()

    @override
    async def mend(self) -> None:
        self._whole.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        await self._whole.wait()
        there, to = await asyncio.open_connection(host, port)
        try:
            await asyncio.gather(self._carry(reader, to), self._carry(there, writer))
        finally:
            to.close()
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self._whole.wait()
            writer.write(data)
            await writer.drain()
        await self._whole.wait()
        writer.close()

    async def _end(self) -> None:
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)


def _ip(*arguments: str) -> None:
    _run("ip", *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
