"""OpenAI's chat completions on the wire: a request to JSON, an answer to a Completion. Pure.

https://platform.openai.com/docs/api-reference/chat · https://platform.kimi.ai/docs/api/chat
"""

import json
import re
from collections.abc import Sequence
from itertools import count
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError
from pydantic_core import from_json

from bot.images import UNSEEN
from bot.providers.errors import BadAnswer, ContentRefused
from bot.providers.port import ChatMessage, Completion, CompletionRequest, ToolCall, Usage

_NO_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NAME_CHARACTERS: Final = 64  # https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools

Replay = Literal["always", "with_tools", "never"]
"""Which of the assistant's messages carry their reasoning back to the model."""


class WireFunction(BaseModel):
    name: str = ""
    arguments: str = ""


class WireToolCall(BaseModel):
    id: str = ""
    function: WireFunction = Field(default_factory=WireFunction)


class WireMessage(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[WireToolCall] | None = None


class WireChoice(BaseModel):
    message: WireMessage
    finish_reason: str | None = None


class WireAnswer(BaseModel):
    choices: list[WireChoice] = Field(min_length=1)
    model: str | None = None
    usage: object = None


_Tokens = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""More than any call uses, and few enough that sums of them fit every database."""


class _Details(BaseModel):
    cached_tokens: _Tokens | None = None


class _Usage(BaseModel):
    prompt_tokens: _Tokens = 0
    completion_tokens: _Tokens = 0
    total_tokens: _Tokens | None = None
    cached_tokens: _Tokens | None = None
    prompt_tokens_details: _Details | None = None


def request_body(
    model: str, request: CompletionRequest, replay: Replay, max_tokens_field: str, *, vision: bool = False
) -> bytes:
    """The JSON of a request; what the user did not set is not in it."""
    messages = [_wire(each, replay, vision=vision) for each in request.messages]
    wire: dict[str, Any] = {"model": model, "messages": messages}
    if request.temperature is not None:
        wire["temperature"] = request.temperature
    if request.max_tokens is not None:
        wire[max_tokens_field] = request.max_tokens
    if request.tools:
        wire["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
            }
            for tool in request.tools
        ]
    if request.on_delta is not None:
        wire["stream"] = True
        wire["stream_options"] = {"include_usage": True}
    # Half an emoji, as a careless cut leaves it, must not stop the whole request.
    return json.dumps(wire, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def read_answer(body: bytes, asked_model: str) -> Completion:
    """Raises BadAnswer or ContentRefused."""
    try:
        answer = WireAnswer.model_validate_json(body)
    except ValidationError as error:
        raise BadAnswer(f"the answer is no completion: {first_fault(error)}") from None
    return to_completion(answer, asked_model)


def to_completion(answer: WireAnswer, asked_model: str) -> Completion:
    """Raises BadAnswer for one without words and tool calls, ContentRefused where the filter held it back."""
    choice, usage = answer.choices[0], _usage(answer.usage)
    text, calls = choice.message.content or "", _tool_calls(choice.message.tool_calls or ())
    if not text.strip() and not calls:
        if choice.finish_reason == "content_filter":
            raise ContentRefused("the provider's filter held the answer back", usage=usage)
        raise BadAnswer(f"the answer has no words (finish_reason {choice.finish_reason!r:.40})", usage=usage)
    return Completion(
        text=text,
        model=answer.model or asked_model,
        usage=usage,
        finish_reason=choice.finish_reason,
        tool_calls=calls,
        reasoning=choice.message.reasoning_content or None,
    )


def first_fault(error: ValidationError) -> str:
    """Where and what, without any value of the answer."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(step) for step in first["loc"][:4])
    return f"{place or 'body'}: {first['type']}"


def _wire(message: ChatMessage, replay: Replay, *, vision: bool) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": _content(message, vision=vision)}
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": _function(call)} for call in message.tool_calls
        ]
    if message.reasoning is not None and (replay == "always" or (replay == "with_tools" and bool(message.tool_calls))):
        wire["reasoning_content"] = message.reasoning
    return wire


def _function(call: ToolCall) -> dict[str, str]:
    """As its model may have written it wrong: providers refuse all that was said for one call that is cut off."""
    try:
        sound = isinstance(from_json(call.arguments), dict)
    except ValueError:
        sound = False
    name = _NO_NAME.sub("_", call.name)[:_NAME_CHARACTERS] or "_"
    return {"name": name, "arguments": call.arguments if sound else "{}"}


def _content(message: ChatMessage, *, vision: bool) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    if not vision:
        return f"{message.content}\n{UNSEEN}"
    # Moonshot refuses a part whose text is empty.
    text = [{"type": "text", "text": message.content}] if message.content else []
    return [*text, *({"type": "image_url", "image_url": {"url": each.data_url}} for each in message.images)]


def _tool_calls(calls: Sequence[WireToolCall]) -> tuple[ToolCall, ...]:
    # Calls without an id, or with that of another (some local servers), must still be answerable one by one.
    taken: set[str] = set()
    for index, call in enumerate(calls):
        if not call.id or call.id in taken:
            ids = (f"call_{number}" for number in count(index))
            call.id = next(each for each in ids if each not in taken)
        taken.add(call.id)
    return tuple(ToolCall(call.id, call.function.name, call.function.arguments) for call in calls)


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
