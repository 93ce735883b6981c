"""discord.py's REST client here: each request is made once, and says plainly how it failed.

The library's own `request` repeats a request up to five times after a 5xx and sleeps through a 429 of up to 30
seconds; here the delivery worker decides about both, and the rate governor keeps one chat's limit from delaying
another. The address is this client's own, where the library keeps one for the whole process. No exception of this
module holds an address or a cause, because they can hold a token.

https://discord.com/developers/docs/reference
"""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from discord import File
from discord.http import HTTPClient, Route
from typing_extensions import override
from yarl import URL

from channels.discord.failures import AnswerLost, NotReached, RefusedCall, SlowDown
from channels.exchange import break_down, read_first

CONNECTIONS: Final = 256
FILE_HOSTS: Final = frozenset({"https://cdn.discordapp.com", "https://media.discordapp.net"})
TIMEOUT: Final = aiohttp.ClientTimeout(total=30, connect=10, sock_connect=5, sock_read=15)
RETRY_AFTER_SECONDS: Final = 5.0  # for a 429 that names no time, as proxies send it
_AMBIGUOUS: Final = 408  # a proxy's "request timeout": nobody knows how far the request came


@dataclass(frozen=True, slots=True)
class Answer:
    """`data` is the parsed body, None for an empty one. `wait_seconds`: so long nothing more fits the route's limit."""

    data: Any
    wait_seconds: float = 0.0


class DiscordHttp(HTTPClient):
    """Give one to `discord.Client`. Closed with it."""

    def __init__(self, api_base: str) -> None:
        super().__init__(asyncio.get_running_loop())
        self._root = api_base
        self._calls = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=TIMEOUT,
            headers={"User-Agent": self.user_agent},
        )

    @override
    async def close(self) -> None:
        await self._calls.close()
        await super().close()

    @override
    async def request(
        self,
        route: Route,
        *,
        files: Sequence[File] | None = None,
        form: Iterable[dict[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """As the library calls it. Raises CallFailed instead of discord.HTTPException."""
        path = route.url.removeprefix(Route.BASE)
        return (await self.call(route.method, path, body=kwargs.get("json"), query=kwargs.get("params"))).data

    async def download(self, url: str, most_bytes: int) -> bytes | None:
        """The first `most_bytes` of a file that Discord keeps; the token is not shown there. None: it cannot be had."""
        if self._calls.closed or not self._keeps(url):
            return None
        try:
            async with self._calls.get(url, allow_redirects=False) as answer:
                return await read_first(answer.content, most_bytes) if answer.status == 200 else None
        except (aiohttp.ClientError, OSError):
            return None

    def _keeps(self, url: str) -> bool:
        """Whether files of Discord lie there; a transcript that was imported may name any place."""
        try:
            place = str(URL(url).origin())
        except ValueError:
            return False
        return place in FILE_HOSTS or place == str(URL(self._root).origin())

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: dict[str, Any] | None = None,
        document: Mapping[str, str] | None = None,
        with_token: bool = True,
    ) -> Answer:
        """`path` begins with a slash; `with_token` False for interactions, which bear their own. Raises CallFailed.

        `document` (name, media_type, text) is the one file of the message `body`; those that it had go.
        """
        if self._calls.closed:
            raise NotReached("the connection to Discord is closed")
        content: dict[str, Any] = {"json": body} if document is None else {"data": _form(body, document)}
        headers = {"Authorization": f"Bot {self.token}"} if with_token and self.token else {}
        send = self._calls.request(
            method, self._root + path, params=query, headers=headers, allow_redirects=False, **content
        )
        try:
            async with send as answer:
                payload = await answer.read()
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            how, words = break_down(error, "Discord")
            failure = NotReached(words) if how == "not_reached" else AnswerLost(words)
        else:
            return _read(answer.status, answer.headers, payload)
        # Raised here, outside the handler, so that it has no context: aiohttp's errors show the address.
        raise failure


def _form(body: Any, document: Mapping[str, str]) -> aiohttp.FormData:
    """https://discord.com/developers/docs/reference#uploading-files"""
    form = aiohttp.FormData(quote_fields=False)
    told = {**body, "attachments": [{"id": 0, "filename": document["name"]}]}
    form.add_field("payload_json", json.dumps(told), content_type="application/json")
    content, media_type = document["text"].encode(), document["media_type"]
    form.add_field("files[0]", content, filename=document["name"], content_type=media_type)
    return form


def _read(status: int, headers: Any, payload: bytes) -> Answer:
    """Raises CallFailed for all but success."""
    data, is_json = _json(payload)
    if 200 <= status < 300:
        if payload and not is_json:
            raise AnswerLost("the answer is no JSON")
        exhausted = headers.get("X-RateLimit-Remaining") == "0"
        return Answer(data, _seconds(headers.get("X-RateLimit-Reset-After")) if exhausted else 0.0)
    told = data if isinstance(data, dict) else {}
    if status == 429:
        wait = _seconds(told.get("retry_after") or headers.get("Retry-After")) or RETRY_AFTER_SECONDS
        raise SlowDown(wait, everywhere=told.get("global") is True)
    if status >= 500 or status == _AMBIGUOUS:
        raise AnswerLost(f"Discord fails (HTTP {status})")
    code, words = told.get("code"), told.get("message")
    raise RefusedCall(status, code if isinstance(code, int) else 0, words if isinstance(words, str) else "")


def _json(payload: bytes) -> tuple[Any, bool]:
    try:
        return json.loads(payload), True
    except (ValueError, RecursionError):
        return None, False


def _seconds(value: Any) -> float:
    """0 for what is no time to wait."""
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        return 0.0
    return seconds if 0 < seconds < 86_400 else 0.0
