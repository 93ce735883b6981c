"""An answer that comes in pieces: server-sent events to one completion. Pure.

https://platform.openai.com/docs/api-reference/chat-streaming
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, Field, ValidationError

from bot.providers.errors import BadAnswer, ProviderUnavailable
from bot.providers.port import Completion
from bot.providers.wire import (
    WireAnswer,
    WireChoice,
    WireFunction,
    WireMessage,
    WireToolCall,
    first_fault,
    to_completion,
)

_DONE: Final = b"[DONE]"
MOST_TOOL_CALLS: Final = 128
LINE_BYTES: Final = 4 * 1024 * 1024


class _FunctionDelta(BaseModel):
    name: str | None = None
    arguments: str | None = None


class _ToolCallDelta(BaseModel):
    index: int | None = Field(None, ge=0, lt=MOST_TOOL_CALLS)
    id: str | None = None
    function: _FunctionDelta | None = None


class _Delta(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_ToolCallDelta] | None = None


class _Choice(BaseModel):
    delta: _Delta | None = None
    finish_reason: str | None = None
    usage: object = None  # where Moonshot puts it


class _Chunk(BaseModel):
    choices: list[_Choice] | None = None
    model: str | None = None
    usage: object = None
    error: object = None


class EventLines:
    """The data of server-sent events, from bytes that are cut anywhere.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """The data of each line that `piece` completes. Comments and other fields are passed over."""
        self._rest += piece
        if b"\n" in piece:
            *lines, self._rest = self._rest.split(b"\n")
            for line in lines:
                if line.startswith(b"data:"):
                    yield bytes(line[5:].strip())
        if len(self._rest) > LINE_BYTES:
            raise BadAnswer(f"the stream has a line of more than {LINE_BYTES} bytes")

    def end(self) -> Iterator[bytes]:
        """What a last line without its line break holds."""
        yield from self.feed(b"\n")


@dataclass(slots=True)
class _Call:
    """One tool call, of which id, name and arguments come in pieces."""

    id: str = ""
    name: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def whole(self) -> WireToolCall:
        function = WireFunction(name="".join(self.name), arguments="".join(self.arguments))
        return WireToolCall(id=self.id, function=function)


class StreamedAnswer:
    """Puts one answer together. `on_delta` is told each piece of its text."""

    def __init__(self, asked_model: str, on_delta: Callable[[str], None]) -> None:
        self._asked_model = asked_model
        self._on_delta = on_delta
        self._lines = EventLines()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[_Call] = []
        self._numbered: dict[int | None, _Call] = {}
        self._finish_reason: str | None = None
        self._model: str | None = None
        self._usage: object = None
        self._ended = False
        self.refusal: bytes | None = None
        """The event that says that the provider gave up in the middle, None while it did not."""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the body. Raises BadAnswer for what is no chunk of a completion."""
        for data in self._lines.feed(piece):
            self._take(data)

    def completion(self) -> Completion:
        """The whole answer. Raises ProviderUnavailable when the stream ended too early, else as `to_completion`."""
        for data in self._lines.end():
            self._take(data)
        if not self._ended and self._finish_reason is None:
            raise ProviderUnavailable("the answer broke off")
        message = WireMessage(
            content="".join(self._text),
            reasoning_content="".join(self._reasoning),
            tool_calls=[call.whole() for call in self._calls],
        )
        choice = WireChoice(message=message, finish_reason=self._finish_reason)
        return to_completion(WireAnswer(choices=[choice], model=self._model, usage=self._usage), self._asked_model)

    def _take(self, data: bytes) -> None:
        if self._ended or self.refusal is not None or not data:
            return
        if data == _DONE:
            self._ended = True
            return
        try:
            chunk = _Chunk.model_validate_json(data)
        except ValidationError as error:
            raise BadAnswer(f"the stream holds no completion: {first_fault(error)}") from None
        if chunk.error is not None:
            self.refusal = data
            return
        self._model = self._model or chunk.model
        self._usage = chunk.usage or self._usage
        for choice in (chunk.choices or ())[:1]:
            self._finish_reason = choice.finish_reason or self._finish_reason
            self._usage = choice.usage or self._usage
            if choice.delta is not None:
                self._add(choice.delta)

    def _add(self, delta: _Delta) -> None:
        if delta.reasoning_content:
            self._reasoning.append(delta.reasoning_content)
        for call in delta.tool_calls or ():
            self._add_call(call)
        if delta.content:
            self._text.append(delta.content)
            self._on_delta(delta.content)

    def _add_call(self, delta: _ToolCallDelta) -> None:
        function = delta.function or _FunctionDelta()
        call = self._call_of(delta, function)
        call.id = call.id or delta.id or ""
        call.name.append(function.name or "")
        call.arguments.append(function.arguments or "")

    def _call_of(self, delta: _ToolCallDelta, function: _FunctionDelta) -> _Call:
        """The call that a piece belongs to: that of its number, or the last where it has none; else a new one."""
        numbered = delta.index is not None
        call = self._numbered.get(delta.index) if numbered else self._calls[-1] if self._calls else None
        if call is not None:
            # Some servers number no piece, some give all calls one number: https://github.com/ollama/ollama/issues/15497
            is_other, is_named = bool(delta.id) and call.id not in {"", delta.id}, bool(function.name)
            if not (is_other and is_named if numbered else is_other or is_named):
                return call
        if len(self._calls) >= MOST_TOOL_CALLS:
            raise BadAnswer(f"the answer calls more than {MOST_TOOL_CALLS} tools")
        call = _Call()
        self._calls.append(call)
        if numbered:
            self._numbered[delta.index] = call
        return call
