"""A provider that speaks OpenAI's chat completions, as nearly all do.

https://platform.openai.com/docs/api-reference/chat · https://platform.kimi.ai/docs/api/chat
"""

import json
from typing import Any, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from typing_extensions import override

from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    ContentRefused,
    ProviderTimeout,
    ProviderUnavailable,
)
from bot.providers.port import ChatMessage, Completion, CompletionRequest, Provider, Usage
from bot.providers.refusal import read_refusal
from channels.clock import Clock

ANSWER_BYTES: Final = 8 * 1024 * 1024  # a full 128k-token answer has about 1 MB
_REFUSAL_BYTES: Final = 64 * 1024
# Reading has no limit of its own: whoever asks bounds the whole call on the clock.
_TIMEOUT: Final = httpx.Timeout(connect=10.0, read=None, write=60.0, pool=None)


class _Message(BaseModel):
    model_config = ConfigDict(extra="allow")

    role: object = None
    content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Answer(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: object = None


class _Details(BaseModel):
    cached_tokens: int | None = Field(None, ge=0)


class _Usage(BaseModel):
    prompt_tokens: int = Field(0, ge=0)
    completion_tokens: int = Field(0, ge=0)
    total_tokens: int | None = Field(None, ge=0)
    cached_tokens: int | None = Field(None, ge=0)
    prompt_tokens_details: _Details | None = None


class OpenAICompatible(Provider):
    """One base URL with one key; without a key no Authorization header is sent.

    `http` stays its owner's to close. Whoever calls `complete` bounds its time.
    """

    def __init__(self, http: httpx.AsyncClient, base_url: str, api_key: SecretStr | None, clock: Clock) -> None:
        self._http = http
        self._url = httpx.URL(f"{base_url.rstrip('/')}/chat/completions")
        self._secret = api_key.get_secret_value().strip() if api_key else ""
        self._clock = clock

    @override
    def __repr__(self) -> str:
        return f"OpenAICompatible({self._url.host})"

    @override
    async def complete(self, request: CompletionRequest) -> Completion:
        headers, body = self._headers(), _body(request)
        try:
            async with self._http.stream(
                "POST", self._url, content=body, headers=headers, timeout=_TIMEOUT, follow_redirects=False
            ) as response:
                answer = await _read(response)
        except httpx.ConnectTimeout as error:
            raise ProviderUnavailable(f"{self._url.host} cannot be reached: connection timed out") from error
        except httpx.TimeoutException as error:
            raise ProviderTimeout(f"{self._url.host} did not take the request in time") from error
        except httpx.TransportError as error:
            raise ProviderUnavailable(f"{self._url.host} cannot be reached: {type(error).__name__}") from error
        if not response.is_success:
            raise read_refusal(
                response.status_code, response.headers, answer, secret=self._secret, now=self._clock.now()
            )
        return _completion(answer, request.model)

    def _headers(self) -> dict[str, str]:
        # The length of an answer is only known when it comes as it is.
        headers = {"content-type": "application/json", "accept-encoding": "identity"}
        if self._secret:
            if not (self._secret.isascii() and self._secret.isprintable()):
                raise AuthRefused("the API key holds characters that no key has")
            headers["authorization"] = f"Bearer {self._secret}"
        return headers


def _body(request: CompletionRequest) -> bytes:
    wire: dict[str, Any] = {"model": request.model, "messages": [_wire(each) for each in request.messages]}
    if request.temperature is not None:
        wire["temperature"] = request.temperature
    if request.max_tokens is not None:
        wire["max_tokens"] = request.max_tokens
    # Half an emoji, as a careless cut leaves it, must not stop the whole request.
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _wire(message: ChatMessage) -> dict[str, Any]:
    return {**message.extra, "role": message.role, "content": message.content}


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


def _completion(body: bytes, asked_model: str) -> Completion:
    try:
        answer = _Answer.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"][:4])
        raise BadAnswer(f"the answer is no completion: {place or 'body'}: {first['type']}") from None
    choice = answer.choices[0]
    text, extra = choice.message.content or "", choice.message.model_extra or {}
    if not text.strip() and not extra.get("tool_calls"):
        if choice.finish_reason == "content_filter":
            raise ContentRefused("the provider's filter held the answer back")
        raise BadAnswer(f"the answer has no words (finish_reason {choice.finish_reason!r:.40})")
    return Completion(text, answer.model or asked_model, _usage(answer.usage), choice.finish_reason, extra)


def _usage(wire: object) -> Usage:
    """What the provider counted; zeros for nonsense, because an answer is worth more than its bill."""
    try:
        counted = _Usage.model_validate(wire)
    except ValidationError:
        return Usage()
    details = counted.prompt_tokens_details
    cached = counted.cached_tokens if details is None or details.cached_tokens is None else details.cached_tokens
    total = counted.total_tokens
    if total is None:
        total = counted.prompt_tokens + counted.completion_tokens
    return Usage(counted.prompt_tokens, counted.completion_tokens, total, cached or 0)
