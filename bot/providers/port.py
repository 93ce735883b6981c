"""The seam to language models: a list of chat messages in, one answer out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from bot.images import Image


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants run. `arguments` is JSON text as the model wrote it, which may be wrong."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool that the model may call; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a prompt.

    `tool_calls` and `reasoning` belong to the assistant's messages; reasoning is sent only to models that want it
    back. `tool_call_id` belongs to a tool's message and names the call that it answers. `images` belong to the user's;
    a model that is shown none reads a line that says so.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str | None = None
    reasoning: str | None = None
    images: Sequence[Image] = ()


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """What to ask. Parameters that are None are not sent at all (current Kimi models refuse `temperature`).

    `on_delta` is called with each visible piece of text as it comes; None: the answer is not streamed. `on_begin` is
    called at each attempt: what came before it is void. Pieces are for showing: the answer's text is what holds.
    `headers` go along with the request, by the id of the model that is asked.
    """

    messages: Sequence[ChatMessage]
    temperature: float | None = None
    max_tokens: int | None = None
    tools: Sequence[ToolSpec] = ()
    on_delta: Callable[[str], None] | None = None
    on_begin: Callable[[], None] | None = None
    headers: Callable[[str], Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call, as the provider counted them; zeros when it told nothing. `cached` are part of `prompt`."""

    prompt: int = 0
    completion: int = 0
    total: int = 0
    cached: int = 0


NOTHING_USED: Final = Usage()


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer. `model` is the id that the provider says answered.

    `reasoning` is what the model thought: kept for models that want it back, never shown.
    """

    text: str
    model: str
    usage: Usage
    finish_reason: str | None = None
    tool_calls: Sequence[ToolCall] = ()
    reasoning: str | None = None

    @property
    def message(self) -> ChatMessage:
        """The answer as a message of the next prompt."""
        return ChatMessage("assistant", self.text, tool_calls=self.tool_calls, reasoning=self.reasoning)


class Provider(Protocol):
    """One way to a model."""

    async def complete(self, model: str, request: CompletionRequest) -> Completion:
        """Ask `model` once. Raises one of bot.providers.errors; cancelling ends the request in flight."""
        ...
