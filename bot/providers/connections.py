"""The connections to all providers: one set for those that are reached directly, one for each proxy.

httpx's own transport looks through all its connections at the beginning and the end of every call, which costs
seconds at a thousand calls at once; aiohttp's connector does not. Where a proxy is in the way httpx's own stays, since
it knows them all.
"""

import ssl
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from typing_extensions import override

_CONNECTIONS: Final = 2_000
_KEPT_SECONDS: Final = 30.0
_HEADERS: Final = {"user-agent": "javis"}


class _NoCookies(httpx.Cookies):
    """Providers set some, and nobody sends them back; to look for them in each answer costs a tenth of a call."""

    @override
    def extract_cookies(self, response: httpx.Response) -> None: ...


class _Client(httpx.AsyncClient):
    def __init__(self, **how: Any) -> None:
        super().__init__(**how)
        self._cookies = _NoCookies()


class Connections:
    """Keeps connections for the next call. Made by `open_connections`."""

    def __init__(self, direct: httpx.AsyncClient, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._clients: dict[str | None, httpx.AsyncClient] = {None: direct}

    def through(self, proxy: str | None) -> httpx.AsyncClient:
        """The connections through `proxy` (`http://`, `https://`, `socks5://`, `socks5h://`); None: directly."""
        client = self._clients.get(proxy)
        if client is None:
            client = self._clients[proxy] = _proxied(proxy)
            self._stack.push_async_exit(client)
        return client


@asynccontextmanager
async def open_connections() -> AsyncIterator[Connections]:
    """Close all of them in the end."""
    async with AsyncExitStack() as stack:
        yield Connections(await stack.enter_async_context(open_http()), stack)


@asynccontextmanager
async def open_http() -> AsyncIterator[httpx.AsyncClient]:
    """Direct connections; where the environment names a proxy, they go through it, as everywhere."""
    async with _proxied(None) if urllib.request.getproxies() else _direct() as http:
        yield http


@cache
def _trust() -> ssl.SSLContext:
    """Reading all certificates takes as long as some twenty requests."""
    return httpx.create_ssl_context()


def _direct() -> httpx.AsyncClient:
    ssl_context = _trust()

    def open_session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, keepalive_timeout=_KEPT_SECONDS, ssl=ssl_context)
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport = AiohttpTransport(verify=ssl_context, client=open_session)
    return _Client(transport=transport, headers=_HEADERS)


def _proxied(proxy: str | None) -> httpx.AsyncClient:
    """`proxy` None: whatever the environment says."""
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=100, keepalive_expiry=_KEPT_SECONDS)
    return _Client(limits=limits, proxy=proxy, trust_env=proxy is None, headers=_HEADERS, verify=_trust())
