"""A provider that speaks OpenAI's chat completions, as nearly all do."""

import base64
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import aiohttp
import httpx
from pydantic import SecretStr
from typing_extensions import override

from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    MalformedRequest,
    ProviderError,
    ProviderTimeout,
    Unreachable,
)
from bot.providers.port import Completion, CompletionRequest, Provider
from bot.providers.refusal import read_refusal, status_in_body
from bot.providers.stream import StreamedAnswer
from bot.providers.wire import Replay, read_answer, request_body
from channels.clock import Clock

log = logging.getLogger(__name__)

ANSWER_BYTES: Final = 8 * 1024 * 1024  # a full 128k-token answer has about 1 MB
STREAM_BYTES: Final = 16 * ANSWER_BYTES  # each piece of a stream comes in some 200 bytes of wrapping
_PIECE_BYTES: Final = 256 * 1024  # a body with images is not written at once: the loop is everybody's
_REFUSAL_BYTES: Final = 64 * 1024
# Reading has no limit of its own: whoever asks bounds the whole call on the clock.
_TIMEOUT: Final = httpx.Timeout(connect=10.0, read=None, write=60.0, pool=None)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One base URL and how its server wants to be spoken to; without a key no Authorization header is sent.

    `vision`: images go along; a request that is refused with them is made once more without.
    """

    base_url: str
    api_key: SecretStr | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # a gateway's own key may stand there
    max_tokens_field: str = "max_tokens"
    replay: Replay = "with_tools"
    vision: bool = False


class OpenAICompatible(Provider):
    """The provider at one endpoint. `http` stays its owner's to close. Whoever calls `complete` bounds its time."""

    def __init__(self, http: httpx.AsyncClient, endpoint: Endpoint, clock: Clock) -> None:
        self._http = http
        self._endpoint = endpoint
        url = httpx.URL(f"{endpoint.base_url.rstrip('/')}/chat/completions")
        self._url = url.copy_with(username=None, password=None)
        self._login = _basic(url)
        self._secret = endpoint.api_key.get_secret_value().strip() if endpoint.api_key else ""
        self._clock = clock

    @override
    def __repr__(self) -> str:
        return f"OpenAICompatible({self._url.host})"

    @override
    async def complete(self, model: str, request: CompletionRequest) -> Completion:
        if request.on_begin is not None:
            request.on_begin()
        show = self._endpoint.vision and any(message.images for message in request.messages)
        completion = await (self._show if show else self._ask)(model, request)
        if not (request.tools or completion.text.strip()):
            raise BadAnswer("the answer calls tools that were not offered", usage=completion.usage)
        return completion

    async def _show(self, model: str, request: CompletionRequest) -> Completion:
        """Ask with the images of the request, and without them where those are refused."""
        heard: list[str] = []
        on_delta = request.on_delta

        def hear(delta: str) -> None:
            heard.append(delta)
            if on_delta is not None:
                on_delta(delta)

        shown = request if on_delta is None else replace(request, on_delta=hear)
        try:
            return await self._ask(model, shown, vision=True)
        except MalformedRequest as refusal:
            # One image that the model cannot read would stop every turn in which it is shown again.
            if heard:
                raise
            log.warning("The model is asked without images", extra={"model": model, "why": str(refusal)})
            return await self._ask(model, request)

    async def _ask(self, model: str, request: CompletionRequest, *, vision: bool = False) -> Completion:
        headers = {**(request.headers(model) if request.headers else {}), **self._headers()}
        body = request_body(model, request, self._endpoint.replay, self._endpoint.max_tokens_field, vision=vision)
        try:
            async with self._http.stream(
                "POST",
                self._url,
                content=_content(body, headers),
                headers=headers,
                timeout=_TIMEOUT,
                follow_redirects=False,
            ) as response:
                if not response.is_success:
                    raise self._refusal(response, await _read(response))
                if request.on_delta is not None and "text/event-stream" in response.headers.get("content-type", ""):
                    return await self._read_stream(response, model, request.on_delta)
                answer = await _read(response)
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise ProviderTimeout(f"{self._url.host} did not take the request in time") from error
        except (httpx.TransportError, aiohttp.ClientError, OSError) as error:
            # What aiohttp saw is more exact than what httpx-aiohttp makes of it.
            seen = error.__cause__ if isinstance(error.__cause__, aiohttp.ClientError) else error
            raise Unreachable(f"{self._url.host} cannot be reached: {type(seen).__name__}") from error
        completion = self._read_answer(response, answer, model)
        if request.on_delta is not None and completion.text:
            request.on_delta(completion.text)
        return completion

    def _read_answer(self, response: httpx.Response, answer: bytes, model: str) -> Completion:
        try:
            return read_answer(answer, model)
        except BadAnswer:
            if status_in_body(answer) is None:
                raise
        raise self._refusal(response, answer)

    async def _read_stream(self, response: httpx.Response, model: str, on_delta: Callable[[str], None]) -> Completion:
        answer = StreamedAnswer(model, on_delta)
        size = 0
        async for piece in response.aiter_raw():
            size += len(piece)
            if size > STREAM_BYTES:
                raise BadAnswer(f"the stream is larger than {STREAM_BYTES} bytes")
            answer.feed(piece)
            if answer.refusal is not None:
                raise self._refusal(response, answer.refusal)
        return answer.completion()

    def _refusal(self, response: httpx.Response, body: bytes) -> ProviderError:
        # Some gateways (OpenRouter) say 200 and then tell in the body what their own provider said.
        told = status_in_body(body) if response.is_success else None
        status = response.status_code if told is None else told
        return read_refusal(status, response.headers, body, secret=self._secret, now=self._clock.now())

    def _headers(self) -> dict[str, str]:
        # The length of an answer is only known when it comes as it is.
        headers = {"content-type": "application/json", "accept-encoding": "identity", **self._endpoint.headers}
        if self._secret:
            if not (self._secret.isascii() and self._secret.isprintable()):
                raise AuthRefused("the API key holds characters that no key has")
            headers["authorization"] = f"Bearer {self._secret}"
        elif self._login:
            headers.setdefault("authorization", f"Basic {self._login}")
        return headers


def _basic(url: httpx.URL) -> str:
    """The login that an address holds, as a header has it; empty where it holds none."""
    return base64.b64encode(f"{url.username}:{url.password}".encode()).decode("ascii") if url.userinfo else ""


def _content(body: bytes, headers: dict[str, str]) -> bytes | AsyncIterator[bytes]:
    if len(body) <= _PIECE_BYTES:
        return body
    headers["content-length"] = str(len(body))
    return _pieces(body)


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _PIECE_BYTES):
        yield body[start : start + _PIECE_BYTES]


async def _read(response: httpx.Response) -> bytes:
    """The raw body; of a refusal no more than its beginning. Raises BadAnswer beyond ANSWER_BYTES."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if response.is_error and len(body) > _REFUSAL_BYTES:
            break
        if len(body) > ANSWER_BYTES:
            raise BadAnswer(f"the answer is larger than {ANSWER_BYTES} bytes")
    return bytes(body)
