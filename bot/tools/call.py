"""One call of a tool, within its limits: whatever happens, the model gets a text to read."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic_core import from_json

from bot.providers.port import ToolCall
from bot.tools.port import Principal, Tool, ToolFailed, ToolResult
from channels.clock import Clock, deadline

log = logging.getLogger(__name__)

MOST_ARGUMENT_CHARACTERS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one call: its time, and how much of its result the model reads."""

    seconds: float = 60.0
    characters: int = 16_000


async def run_call(
    call: ToolCall, tools: Mapping[str, Tool], principal: Principal, clock: Clock, limits: Limits
) -> ToolResult:
    """The result, also where the tool is unknown, fails or takes too long. Never raises but when cancelled."""
    tool = tools.get(call.name)
    if tool is None:
        return ToolResult("error: there is no such tool in this conversation")
    try:
        arguments = read_arguments(call.arguments)
        async with deadline(clock, limits.seconds):
            result = await tool.run(arguments, principal)
    except ToolFailed as failure:
        return ToolResult(f"error: {_shortened(str(failure), limits.characters)}")
    except TimeoutError:
        return ToolResult(f"error: no result within {limits.seconds:g} s")
    except Exception:
        log.exception("A tool failed", extra={"tool": call.name, "agent": principal.agent})
        return ToolResult("error: the tool does not work right now")
    return replace(result, text=_shortened(result.text, limits.characters))


def read_arguments(text: str) -> Mapping[str, Any]:
    """The arguments as the model wrote them; nothing at all counts as none. Raises ToolFailed."""
    if len(text) > MOST_ARGUMENT_CHARACTERS:
        raise ToolFailed("the arguments are too long")
    try:
        arguments = from_json(text) if text.strip() else {}  # refuses half of a surrogate pair, as databases do
    except ValueError:
        raise ToolFailed("the arguments are no JSON") from None
    if not isinstance(arguments, dict):
        raise ToolFailed("the arguments must be a JSON object")
    return arguments


def _shortened(text: str, characters: int) -> str:
    if len(text) <= characters:
        return text
    return f"{text[:characters]}\n[cut here: {len(text) - characters} more characters]"
