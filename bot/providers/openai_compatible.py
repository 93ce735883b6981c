"""A provider that speaks OpenAI's chat completions, as nearly all do."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import httpx
from pydantic import SecretStr
from typing_extensions import override

from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)
from bot.providers.port import Completion, CompletionRequest, Provider
from bot.providers.refusal import read_refusal
from bot.providers.stream import StreamedAnswer
from bot.providers.wire import Replay, read_answer, request_body
from channels.clock import Clock

ANSWER_BYTES: Final = 8 * 1024 * 1024  # a full 128k-token answer has about 1 MB
STREAM_BYTES: Final = 16 * ANSWER_BYTES  # each piece of a stream comes in some 200 bytes of wrapping
_REFUSAL_BYTES: Final = 64 * 1024
# Reading has no limit of its own: whoever asks bounds the whole call on the clock.
_TIMEOUT: Final = httpx.Timeout(connect=10.0, read=None, write=60.0, pool=None)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One base URL and how its server wants to be spoken to; without a key no Authorization header is sent."""

    base_url: str
    api_key: SecretStr | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # a gateway's own key may stand there
    max_tokens_field: str = "max_tokens"
    replay: Replay = "with_tools"


class OpenAICompatible(Provider):
    """The provider at one endpoint. `http` stays its owner's to close. Whoever calls `complete` bounds its time."""

    def __init__(self, http: httpx.AsyncClient, endpoint: Endpoint, clock: Clock) -> None:
        self._http = http
        self._endpoint = endpoint
        self._url = httpx.URL(f"{endpoint.base_url.rstrip('/')}/chat/completions")
        self._secret = endpoint.api_key.get_secret_value().strip() if endpoint.api_key else ""
        self._clock = clock

    @override
    def __repr__(self) -> str:
        return f"OpenAICompatible({self._url.host})"

    @override
    async def complete(self, model: str, request: CompletionRequest) -> Completion:
        headers = self._headers()
        body = request_body(model, request, self._endpoint.replay, self._endpoint.max_tokens_field)
        try:
            async with self._http.stream(
                "POST", self._url, content=body, headers=headers, timeout=_TIMEOUT, follow_redirects=False
            ) as response:
                if not response.is_success:
                    raise self._refusal(response, await _read(response))
                if request.on_delta is not None and "text/event-stream" in response.headers.get("content-type", ""):
                    return await self._read_stream(response, model, request.on_delta)
                answer = await _read(response)
        except httpx.ConnectTimeout as error:
            raise ProviderUnavailable(f"{self._url.host} cannot be reached: connection timed out") from error
        except httpx.TimeoutException as error:
            raise ProviderTimeout(f"{self._url.host} did not take the request in time") from error
        except (httpx.TransportError, aiohttp.ClientError, OSError) as error:
            raise ProviderUnavailable(f"{self._url.host} cannot be reached: {type(error).__name__}") from error
        completion = read_answer(answer, model)
        if request.on_delta is not None and completion.text:
            request.on_delta(completion.text)
        return completion

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
        return read_refusal(response.status_code, response.headers, body, secret=self._secret, now=self._clock.now())

    def _headers(self) -> dict[str, str]:
        # The length of an answer is only known when it comes as it is.
        headers = {"content-type": "application/json", "accept-encoding": "identity", **self._endpoint.headers}
        if self._secret:
            if not (self._secret.isascii() and self._secret.isprintable()):
                raise AuthRefused("the API key holds characters that no key has")
            headers["authorization"] = f"Bearer {self._secret}"
        return headers


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
