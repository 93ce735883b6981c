"""Reading pages from a server on this machine, by names that only the test's resolver knows."""

import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer
from typing_extensions import override

from bot.tools.fetch import BODY_BYTES, MOST_REDIRECTS, fetch_tool
from bot.tools.port import Tool, ToolFailed
from bot.web_guard import open_guarded_session
from tests.unit.tools.setting import principal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """A server whose answers a test sets by path."""

    def __init__(self) -> None:
        self.pages: dict[str, Handler] = {}
        self.asked: list[tuple[str, str]] = []
        self.port = 0

    def page(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        named = {"Content-Type": "text/html", **{name.replace("_", "-"): value for name, value in headers.items()}}

        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=data, status=status, headers=named)

        self.pages[path] = answer

    def url(self, path: str, host: str = "site.test") -> str:
        return f"http://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.host, request.path_qs))
        return await self.pages[request.path](request)


class ToThisMachine(AbstractResolver):
    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)]

    @override
    async def close(self) -> None:
        return


@asynccontextmanager
async def open_session() -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(resolver=ToThisMachine())
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:
        yield session


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", site.answer)
    async with TestServer(app) as server:
        site.port = server.port or 0
        yield site


@pytest.fixture
def tool(site: Site) -> Tool:
    return fetch_tool(open_session, [site.port])


async def read(tool: Tool, url: str) -> str:
    return (await tool.run({"url": url}, principal())).text


PAGE = """<html><head><title> The
 Page </title><script>alert(1)</script><style>p{}</style></head>
<body><nav>menu</nav><h1>Head</h1><p>One <b>bold</b> word.<br>next</p><ul><li>a</li><li>b</li></ul>
<!-- hidden --><noscript>no</noscript><p>中文</p></body></html>"""


async def test_page_is_read_as_text(site: Site, tool: Tool) -> None:
    site.page("/a", PAGE, Content_Type="text/html; charset=utf-8")
    text = await read(tool, site.url("/a#part"))
    assert text.splitlines() == [
        f"Address: {site.url('/a')}",
        "Title: The Page",
        "",
        "Head",
        "One bold word.",
        "next",
        "- a",
        "- b",
        "中文",
    ]


@pytest.mark.parametrize(("kind", "shown"), [("text/plain", True), ("application/json", True), ("image/png", False)])
async def test_what_is_no_text_is_refused(site: Site, tool: Tool, kind: str, shown: bool) -> None:  # noqa: FBT001
    site.page("/a", b'{"a": 1}', Content_Type=kind)
    if shown:
        assert '{"a": 1}' in await read(tool, site.url("/a"))
    else:
        with pytest.raises(ToolFailed, match="image/png"):
            await read(tool, site.url("/a"))


@pytest.mark.parametrize(
    ("charset", "body", "text"),
    [
        ("big5", "貓".encode("big5"), "貓"),
        ("GB18030", "猫".encode("gb18030"), "猫"),
        ("shift_jis", "猫".encode("shift_jis"), "猫"),
        ("koi8-r", "кот".encode("koi8-r"), "кот"),
        ("windows-1252", "café".encode("cp1252"), "café"),
        ("punycode", b"caf-dma", "caf-dma"),  # whose decoder takes minutes for a page that is made for it
        ("idna", b"xn--caf-dma", "xn--caf-dma"),
        ("unicode_escape", b"\\u0041", "\\u0041"),
        ("nonsense", "貓".encode(), "貓"),
    ],
)
async def test_page_is_read_in_the_encodings_that_pages_have(
    site: Site, tool: Tool, charset: str, body: bytes, text: str
) -> None:
    site.page("/a", body, Content_Type=f"text/plain; charset={charset}")
    assert (await read(tool, site.url("/a"))).splitlines()[-1] == text
    if charset != "nonsense":
        site.page("/b", b"<p>" + body + b"</p>", Content_Type=f"text/html; charset={charset}")
        assert (await read(tool, site.url("/b"))).splitlines()[-1] == text


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
async def test_packed_page_is_unpacked(site: Site, tool: Tool, packing: str) -> None:
    packed = gzip.compress(PAGE.encode()) if packing == "gzip" else zlib.compress(PAGE.encode())
    site.page("/a", packed, Content_Encoding=packing)
    assert "One bold word." in await read(tool, site.url("/a"))


async def test_bomb_is_unpacked_no_further_than_it_is_read(site: Site, tool: Tool) -> None:
    site.page("/a", gzip.compress(b"x" * 200_000_000), Content_Encoding="gzip", Content_Type="text/plain")
    text = await read(tool, site.url("/a"))
    assert text.endswith("[the page is longer]")
    assert len(text) < BODY_BYTES + 200


async def test_broken_packing_is_a_failure_and_not_a_fault(site: Site, tool: Tool) -> None:
    site.page("/a", b"no gzip at all", Content_Encoding="gzip")
    with pytest.raises(ToolFailed):
        await read(tool, site.url("/a"))


async def test_redirect_is_followed(site: Site, tool: Tool) -> None:
    site.page("/a", "", 302, Location="/b")
    site.page("/b", "<p>there</p>")
    assert "there" in await read(tool, site.url("/a"))


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/b",
        "http://localhost:{port}/b",
        "http://[::1]:{port}/b",
        "http://2130706433:{port}/b",
        "http://me@site.test:{port}/b",
        "file:///etc/passwd",
        "http://site.test:22/b",
        "http://[",
    ],
)
async def test_redirect_to_the_inside_is_not_followed(site: Site, tool: Tool, target: str) -> None:
    site.page("/a", "", 302, Location=target.format(port=site.port))
    site.page("/b", "secret")
    with pytest.raises(ToolFailed):
        await read(tool, site.url("/a"))
    assert [path for _, path in site.asked] == ["/a"]


async def test_circle_of_redirects_ends(site: Site, tool: Tool) -> None:
    site.page("/a", "", 302, Location="/a")
    with pytest.raises(ToolFailed, match="redirects"):
        await read(tool, site.url("/a"))
    assert len(site.asked) == MOST_REDIRECTS + 1


async def test_no_cookie_and_no_credential_goes_along(site: Site, tool: Tool) -> None:
    seen: list[object] = []

    async def answer(request: web.Request) -> web.Response:
        seen.extend(request.headers.get(name) for name in ("Cookie", "Authorization", "Referer"))
        return web.Response(text="x", headers={"Set-Cookie": "a=b"})

    site.pages["/a"] = answer
    await read(tool, site.url("/a"))
    assert seen == [None, None, None]


async def test_refusal_of_the_server_is_told(site: Site, tool: Tool) -> None:
    site.page("/a", "no", 404)
    with pytest.raises(ToolFailed, match="404"):
        await read(tool, site.url("/a"))


@pytest.mark.parametrize("url", ["http://localhost/", "http://169.254.169.254/latest/meta-data/", "file:///etc/passwd"])
async def test_inner_address_is_refused_before_anything_is_sent(url: str) -> None:
    with pytest.raises(ToolFailed):
        await fetch_tool(open_guarded_session).run({"url": url}, principal())


async def test_name_that_leads_inside_is_refused() -> None:
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["10.0.0.7"]

    with pytest.raises(ToolFailed, match="not on the open Internet"):
        await fetch_tool(lambda: open_guarded_session(resolve)).run({"url": "http://rebound.example.org/"}, principal())
