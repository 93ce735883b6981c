"""What the guard lets through, and what it does not."""

import ipaddress
import socket
from collections.abc import Sequence

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from bot.web_guard import AddressRefused, check_address, check_url, open_guarded_session

INSIDE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",  # noqa: S104
    "224.0.0.1",
    "239.255.255.250",
    "255.255.255.255",
    "198.18.0.1",
    "192.0.2.1",
    "240.0.0.1",
    "168.63.129.16",
    "192.0.0.192",
    "192.88.99.1",
    "::ffff:168.63.129.16",
    "3fff::1",
    "::1",
    "::",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:0:10.0.0.1",
    "::127.0.0.1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::10.0.0.1",
    "2001:0:7f00:1::",
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:192.168.0.1",
]


@pytest.mark.parametrize("text", INSIDE)
def test_address_on_the_inside_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "2002:101:101::", "64:ff9b::1.1.1.1"])
def test_address_on_the_open_internet_passes(text: str) -> None:
    check_address(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://017700000001/",
        "http://localhost/",
        "http://localhost./",
        "http://LOCALHOST:80/",
        "http://api.localhost/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://intranet/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://user@example.org/",
        "http://example.org@127.0.0.1/",
        "http://:secret@example.org/",
        "https://example.org:22/",
        "http://example.org:8080/",
        "http://example.org:99999/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "javascript:alert(1)",
        "//example.org/",
        "http:///path",
        "http://",
        "",
        "http://exa mple.org/",
        "http://example.org\\@127.0.0.1/",
        "http://example.org\r\nHost: inside/",
        "http://①②⑦.⓪.⓪.①/",
        "http://example.org/" + "a" * 3000,
    ],
)
def test_url_that_leads_inside_or_deceives_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url)


@pytest.mark.parametrize(
    "url", ["https://example.org/", "http://例え.jp/路?q=1", "https://example.org:443/a#b", "http://93.184.216.34/"]
)
def test_ordinary_url_passes(url: str) -> None:
    assert check_url(url).hostname


@given(st.text(max_size=200))
def test_any_text_is_checked_without_another_error(text: str) -> None:
    for url in (text, f"http://{text}", f"http://{text}/"):
        try:
            check_url(url)
        except AddressRefused:
            continue


@given(st.ip_addresses(v=4).filter(lambda address: not address.is_global))
def test_no_inner_ipv4_address_passes_in_a_disguise(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    disguises = [
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
        ipaddress.IPv6Address((0x26064700 << 96) | (0x5EFE << 32) | number),
        ipaddress.IPv6Address(number),
    ]
    for disguise in disguises:
        with pytest.raises(AddressRefused):
            check_address(disguise)


async def test_name_with_one_inner_address_is_not_connected_to() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.216.34", "127.0.0.1"]

    async with open_guarded_session(resolve) as session:
        with pytest.raises(AddressRefused):
            await session.get("http://rebound.example.org/")


async def test_connection_goes_to_the_address_that_was_checked() -> None:
    """The resolver is asked once: what it would say the second time changes nothing."""
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    reached: list[object] = []

    async with open_guarded_session(resolve) as session:
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)

        async def connect(*args: object, **options: object) -> object:
            reached.append(options["addr_infos"])
            raise OSError("no network in tests")

        connector._wrap_create_connection = connect  # type: ignore[assignment,method-assign]
        with pytest.raises(OSError, match="no network"):
            await session.get("http://rebound.example.org/")
    assert asked == ["rebound.example.org"]
    (infos,) = reached
    assert isinstance(infos, list)
    assert [info[4][0] for info in infos] == ["93.184.216.34"]
    assert infos[0][0] == socket.AF_INET


async def test_name_of_this_machine_is_refused_by_what_it_resolves_to() -> None:
    async def hello(_request: web.Request) -> web.Response:
        raise AssertionError("reached")

    app = web.Application()
    app.router.add_get("/", hello)
    async with TestServer(app) as server, open_guarded_session() as session:
        with pytest.raises(AddressRefused):
            await session.get(f"http://localhost:{server.port}/")
