"""The seam to language models: a list of chat messages in, one answer out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt. `extra` holds further wire fields (tool calls, reasoning_content) as they came."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What to ask. Parameters that are None are not sent at all (current Kimi models refuse `temperature`)."""

    model: str
    messages: Sequence[ChatMessage]
    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the provider counted them; zeros when it told nothing."""

    prompt: int = 0
    completion: int = 0
    total: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer. `model` is the id that the provider says answered; `extra` the message's other wire fields."""

    text: str
    model: str
    usage: Usage
    finish_reason: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """One way to a model."""

    async def complete(self, request: CompletionRequest) -> Completion:
        """Ask once, without streaming. Raises one of bot.providers.errors; cancelling ends the request in flight."""
        ...
