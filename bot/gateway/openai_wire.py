"""OpenAI's chat completions as a server speaks them. Pure.

https://platform.openai.com/docs/api-reference/chat/create
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.images import Image, read_image_url
from bot.providers.port import Usage
from bot.sessions.transcript import Record

AGENT_HEADER: Final = "x-openclaw-agent-id"
DEFAULT_MODEL: Final = "javis"
_PREFIXES: Final = ("javis/", "openclaw/", "openclaw:", "agent:")
MOST_MESSAGES: Final = 10_000


class WireFault(Exception):
    """What cannot be answered: an HTTP status, and OpenAI's words for it."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code

    def body(self) -> dict[str, Any]:
        return {"error": {"message": str(self), "type": self.kind, "param": None, "code": self.code}}


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _ImageUrl(_Wire):
    url: str


class _Part(_Wire):
    type: str
    text: str = ""
    image_url: _ImageUrl | None = None


class _Function(_Wire):
    name: str
    arguments: str = ""


class _Call(_Wire):
    id: str
    function: _Function


class _Message(_Wire):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Part] | None = None
    name: str | None = Field(default=None, max_length=200)
    tool_calls: list[_Call] | None = None
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """Raises WireFault for parts that are neither text nor an image of the user's."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        known = {"text", "image_url"} if self.role == "user" else {"text"}
        if any(part.type not in known for part in self.content):
            words = "messages: only text is understood here, and images in the user's messages"
            raise WireFault(400, words, code="unsupported_content")
        return "".join(part.text for part in self.content)

    @property
    def images(self) -> list[Image]:
        """Raises WireFault for an address that holds no image: nothing is fetched for a client."""
        parts = self.content if isinstance(self.content, list) else []
        return [_image(part) for part in parts if part.type == "image_url"]


class _StreamOptions(_Wire):
    include_usage: bool = False


class ChatRequest(_Wire):
    """What a client asks. Fields that are not here are passed over; `tools` and `n` above 1 are refused."""

    model: str = Field(min_length=1, max_length=200)
    messages: list[_Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool = False
    stream_options: _StreamOptions | None = None
    temperature: float | None = Field(default=None, ge=0, le=2)
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    user: str | None = Field(default=None, max_length=512)
    n: int | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None

    @property
    def most_tokens(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


def read_request(body: bytes) -> ChatRequest:
    """Raises WireFault."""
    try:
        request = ChatRequest.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in fault["loc"])
        raise WireFault(400, f"{place}: {fault['msg']}" if place else fault["msg"]) from None
    if request.tools or request.functions:
        raise WireFault(400, "tools: agents here have tools of their own; leave them out", code="unsupported_parameter")
    if request.n not in {None, 1}:
        raise WireFault(400, "n: one answer is given", code="unsupported_value")
    if request.messages[-1].role != "user":
        raise WireFault(400, "messages: the last one must be the user's")
    return request


def agent_of(request: ChatRequest, header: str | None) -> str | None:
    """The agent that is meant; None for the default one. The header goes before the model."""
    if header:
        return header.strip().lower()
    for prefix in _PREFIXES:
        if request.model.startswith(prefix):
            return request.model.removeprefix(prefix).lower()
    if request.model in {DEFAULT_MODEL, "openclaw"}:
        return None
    raise unknown_model(request.model)


def unknown_model(model: str) -> WireFault:
    return WireFault(404, f"there is no model {model[:100]!r}: GET /v1/models lists them", code="model_not_found")


def instructions(request: ChatRequest) -> list[str]:
    """What the client adds to the agent's own instructions."""
    return [message.text for message in request.messages if message.role in {"system", "developer"} and message.text]


def conversation(request: ChatRequest, now: datetime) -> list[Record]:
    """What was said before the last message. Raises WireFault."""
    return [_record(message, now) for message in request.messages[:-1] if message.role not in {"system", "developer"}]


def completion(number: str, model: str, text: str, usage: Usage | None, now: datetime) -> dict[str, Any]:
    """The body of an answer."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", "logprobs": None}
    return {
        "id": number,
        "object": "chat.completion",
        "created": int(now.timestamp()),
        "model": model,
        "choices": [choice],
        "usage": usage_body(usage),
    }


def event(body: dict[str, Any] | str) -> bytes:
    """One server-sent event."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode("utf-8", "replace")


def chunk(number: str, model: str, now: datetime, choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One piece of a stream."""
    return {
        "id": number,
        "object": "chat.completion.chunk",
        "created": int(now.timestamp()),
        "model": model,
        "choices": list(choices),
    }


def choice(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}


def usage_body(usage: Usage | None) -> dict[str, int]:
    """Zeros where no model was asked."""
    counted = usage or Usage()
    return {
        "prompt_tokens": counted.prompt,
        "completion_tokens": counted.completion,
        "total_tokens": counted.total,
    }


def models_body(agents: Sequence[str]) -> dict[str, Any]:
    return {"object": "list", "data": [model_body(agent) for agent in agents]}


def model_body(agent: str) -> dict[str, Any]:
    return {"id": f"javis/{agent}", "object": "model", "created": 0, "owned_by": "javis"}


def _record(message: _Message, now: datetime) -> Record:
    if message.role == "tool":
        return Record("tool", message.text, now, {"tool_call_id": message.tool_call_id})
    if message.role == "assistant" and message.tool_calls:
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.function.name, "arguments": call.function.arguments},
            }
            for call in message.tool_calls
        ]
        return Record("assistant", message.text, now, {"tool_calls": calls})
    role: Literal["assistant", "user"] = "assistant" if message.role == "assistant" else "user"
    return Record(role, message.text, now, images=message.images)


def _image(part: _Part) -> Image:
    image = None if part.image_url is None else read_image_url(part.image_url.url)
    if image is None:
        words = "image_url: send a JPEG, PNG, GIF or WebP as data:image/…;base64,…; nothing is fetched here"
        raise WireFault(400, words, code="unsupported_content")
    return image
