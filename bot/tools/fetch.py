"""`web_fetch`: read a page of the open Internet. Everything about the address and the answer is a stranger's."""

import asyncio
import zlib
from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Final
from urllib.parse import urljoin, urlunsplit

import aiohttp
from pydantic import Field

from bot.tools.built_in import Arguments, BuiltIn
from bot.tools.port import Principal, Tool, ToolFailed, ToolResult
from bot.web_guard import USUAL_PORTS, AddressRefused, check_url

MOST_REDIRECTS: Final = 5
BODY_BYTES: Final = 2 * 1024 * 1024
"""Of the unpacked body; what is beyond is left out."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=10)
_HEADERS: Final = {
    "User-Agent": "javis",
    "Accept": "text/html, text/plain, application/json;q=0.9, */*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TEXTS: Final = ("application/json", "application/xml", "application/javascript", "application/x-yaml")


class Fetch(Arguments):
    url: str = Field(min_length=1, max_length=2048, description="An address that begins with https:// or http://.")


@dataclass(frozen=True, slots=True)
class Page:
    """What an address answered; `cut` where more was there."""

    url: str
    kind: str
    charset: str | None
    body: bytes
    cut: bool


OpenSession = Callable[[], AbstractAsyncContextManager[aiohttp.ClientSession]]


def fetch_tool(open_session: OpenSession, ports: Collection[int] = USUAL_PORTS) -> Tool:
    """`open_session` opens a guarded session (bot.web_guard)."""

    async def fetch(arguments: Fetch, _principal: Principal) -> ToolResult:
        try:
            async with open_session() as session:
                page = await _follow(session, arguments.url, ports)
        except AddressRefused as refusal:
            raise ToolFailed(str(refusal)) from None
        except (aiohttp.ClientError, TimeoutError, OSError, zlib.error) as error:
            raise ToolFailed(f"the page cannot be read ({type(error).__name__})") from None
        return ToolResult(await asyncio.to_thread(_told, page))

    return BuiltIn("web_fetch", "Read a web page or a text file at an address.", Fetch, fetch)


async def _follow(session: aiohttp.ClientSession, url: str, ports: Collection[int]) -> Page:
    """The page at the end of the redirects, each of them checked like the first address."""
    for _ in range(MOST_REDIRECTS + 1):
        url = urlunsplit(check_url(url, ports=ports)._replace(fragment=""))
        async with session.get(url, allow_redirects=False, timeout=_TIMEOUT, headers=_HEADERS) as response:
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location:
                url = _joined(url, location)
                continue
            if response.status >= 400:
                raise ToolFailed(f"the server answered {response.status}")
            body, cut = await _read(response)
            return Page(url, response.content_type.lower(), response.charset, body, cut)
    raise ToolFailed(f"more than {MOST_REDIRECTS} redirects")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise ToolFailed("the page leads to something that is no address") from None


async def _read(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """(the unpacked body, whether it was cut): no more is ever unpacked than is kept."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"identity", "", "gzip", "x-gzip", "deflate"}:
        raise ToolFailed("the page comes in a packing that is not read here")
    unpacker = None if encoding in {"identity", ""} else zlib.decompressobj(wbits=47)
    body = bytearray()
    async for piece in response.content.iter_chunked(65_536):
        body += piece if unpacker is None else unpacker.decompress(piece, BODY_BYTES + 1 - len(body))
        if len(body) > BODY_BYTES:
            return bytes(body[:BODY_BYTES]), True
    return bytes(body), False


def _told(page: Page) -> str:
    title, text = "", ""
    from bot.tools.page import decoded, page_text  # noqa: PLC0415 - only a page pays for lxml

    if page.kind in {"text/html", "application/xhtml+xml"}:
        title, text = page_text(page.body, page.charset)
    elif page.kind.startswith("text/") or page.kind in _TEXTS or page.kind.endswith(("+json", "+xml")):
        text = decoded(page.body, page.charset)
    else:
        raise ToolFailed(f"this is no text but {page.kind[:100]}")
    head = [f"Address: {page.url}", *([f"Title: {title[:300]}"] if title else [])]
    tail = ["[the page is longer]"] if page.cut else []
    return "\n".join([*head, "", text.replace("\x00", "") or "[the page holds no text]", *tail])
