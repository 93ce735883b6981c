"""The guard before requests to addresses that strangers or models name: nothing on the inside can be reached.

A URL is checked as it is written, then every address that its name leads to; the connection goes to exactly the
addresses that were checked, so a name that changes its mind in between (DNS rebinding) gains nothing. Redirects are
for the caller to follow: each is a new URL and takes the same way.

https://www.iana.org/assignments/iana-ipv6-special-registry · https://owasp.org/www-community/attacks/Server_Side_Request_Forgery
"""

import asyncio
import ipaddress
import re
import socket
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from urllib.parse import SplitResult, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from typing_extensions import override
from yarl import URL

IPAddress = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to addresses, as text. Raises OSError."""

USUAL_PORTS: Final = frozenset({80, 443})
MOST_URL_CHARACTERS: Final = 2048
_NUMBERS: Final = re.compile(r"[0-9]+|0[xX][0-9a-fA-F]*")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_INNER: Final = (
    # Not all of the special registry is known to each Python; clouds answer their machines on addresses of their own.
    IPv4Network("192.0.0.0/24"),  # Oracle's metadata among them
    IPv4Network("192.88.99.0/24"),
    IPv4Network("168.63.129.16/32"),  # Azure's host
    IPv6Network("3fff::/20"),
)
_INNER_NAMES: Final = ("localhost", "local", "internal", "localdomain", "home.arpa")


class AddressRefused(Exception):
    """The guard lets nothing through to this address. `args[0]` says why, and holds no more than the host."""


def check_url(url: str, *, ports: Collection[int] = USUAL_PORTS) -> SplitResult:
    """The parts of a URL that may be asked for, as far as its writing tells. Raises AddressRefused."""
    if len(url) > MOST_URL_CHARACTERS:
        raise AddressRefused(f"the address has more than {MOST_URL_CHARACTERS} characters")
    if any(char <= " " or char in '\\"<>^`{|}' or char == "\x7f" for char in url):
        raise AddressRefused("the address holds characters that no address has")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise AddressRefused("this is no web address") from None
    if parts.scheme not in {"http", "https"}:
        raise AddressRefused("only http:// and https:// addresses are fetched")
    if "@" in parts.netloc:
        raise AddressRefused("an address with a user name in it is not fetched")
    if port is not None and port not in ports:
        raise AddressRefused(f"port {port} is not fetched from")
    check_host(host)
    try:
        check_host(URL(url).raw_host or "")  # as the client will understand it
    except ValueError:
        raise AddressRefused("this is no web address") from None
    return parts


def check_host(host: str) -> None:
    """Raises AddressRefused for a name or a literal address that is on the inside, or written to deceive."""
    plain = unicodedata.normalize("NFKC", host).rstrip(".").lower()
    if not plain or "%" in plain:
        raise AddressRefused("the address names no host")
    try:
        literal = ipaddress.ip_address(plain)
    except ValueError:
        _check_name(plain)
    else:
        check_address(literal)


def check_address(address: IPAddress) -> None:
    """Raises AddressRefused unless everything that the address may lead to is on the open Internet."""
    whole = () if address in _NAT64 else (address,)  # on a network with NAT64 every IPv4 address looks so
    for each in (*whole, *_embedded(address)):
        inner = any(each in network for network in _INNER) or (isinstance(each, IPv6Address) and each.is_site_local)
        if inner or not each.is_global or each.is_multicast or each.is_reserved or each.is_unspecified:
            raise AddressRefused("this address is not on the open Internet")


def _check_name(name: str) -> None:
    labels = name.split(".")
    # Every resolver reads 2130706433, 0x7f.1 and 0177.0.0.1 as 127.0.0.1 (https://url.spec.whatwg.org/#ipv4-parser).
    if _NUMBERS.fullmatch(labels[-1]):
        raise AddressRefused("an address in numbers must be written in the usual way")
    if any(name == inner or name.endswith(f".{inner}") for inner in _INNER_NAMES) or len(labels) == 1:
        raise AddressRefused("this name is not on the open Internet")


def _embedded(address: IPAddress) -> Iterator[IPAddress]:
    """The IPv4 addresses to which an IPv6 address may be translated on its way."""
    if isinstance(address, IPv4Address):
        return
    number = int(address)
    last = IPv4Address(number & 0xFFFFFFFF)
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    if address.sixtofour:
        yield address.sixtofour
    if address.teredo:
        yield from address.teredo
    if address in _NAT64 or number >> 32 == 0:
        yield last
    if (number >> 32) & 0xFDFFFFFF == 0x5EFE:  # ISATAP: ::0:5efe:a.b.c.d and ::200:5efe:a.b.c.d, under any prefix
        yield last


class GuardedResolver(AbstractResolver):
    """Gives aiohttp the addresses of a name, none at all when one of them is on the inside."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = [ipaddress.ip_address(text) for text in await self._resolve(host, port)]
        for address in addresses:
            check_address(address)
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    @override
    async def close(self) -> None:
        """Nothing is held open."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """The addresses that this machine's resolver knows. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@asynccontextmanager
async def open_guarded_session(resolve: Resolve = look_up) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that reaches the open Internet alone. Every URL goes through `check_url` first: aiohttp asks no
    resolver about literal addresses. Bodies come as they were sent (no unpacking), proxies and cookies are not used.
    """
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(resolve), use_dns_cache=False, limit=100)
    async with aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        max_line_size=16_384,
        max_field_size=16_384,
    ) as session:
        yield session
