"""A whole completion cut into the events of a stream. Pure.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from channels.simulator.model.persona import text_of

_PIECE_CHARACTERS: Final = 12


def chunks(completion: Mapping[str, Any], *, with_usage: bool) -> Iterator[dict[str, Any]]:
    """The events; tokens are told in one of its own, and only to those who asked."""
    common = {name: completion[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    message = completion["choices"][0]["message"]
    for delta in _deltas(message):
        yield common | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield common | {"choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason(message)}]}
    if with_usage:
        yield common | {"choices": [], "usage": completion["usage"]}


def finish_reason(message: Mapping[str, Any]) -> str:
    return "tool_calls" if message.get("tool_calls") else "stop"


def server_sent(event: Mapping[str, Any]) -> bytes:
    """One event as it goes over the wire."""
    return f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode()


def _deltas(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Thoughts first, then words, then each tool call: its name, and its arguments piece by piece."""
    known = {"content", "reasoning_content", "tool_calls"}
    yield {name: value for name, value in message.items() if name not in known} | {"content": ""}
    for piece in _pieces(message.get("reasoning_content") or ""):
        yield {"reasoning_content": piece}
    for piece in _pieces(text_of(dict(message))):
        yield {"content": piece}
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function") or {}
        opening = {name: value for name, value in call.items() if name != "function"}
        named = {"name": function.get("name", ""), "arguments": ""}
        yield {"tool_calls": [{"index": index, **opening, "function": named}]}
        for piece in _pieces(function.get("arguments", "")):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _pieces(text: str) -> Iterator[str]:
    for start in range(0, len(text), _PIECE_CHARACTERS):
        yield text[start : start + _PIECE_CHARACTERS]
