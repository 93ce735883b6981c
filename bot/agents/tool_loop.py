"""A turn with tools: ask the model, do what it wants done, ask again, until it speaks.

Calls of one answer run side by side. After the last round the model is asked without tools, so that it must speak.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bot.agents.pictures import newest_shown, shown
from bot.agents.port import AgentFailed, ModelCall, Turn
from bot.providers.attempt import Answered
from bot.providers.errors import MalformedRequest
from bot.providers.port import ChatMessage, Completion, CompletionRequest, ToolCall, Usage
from bot.sessions.transcript import Record
from bot.tools.call import Limits, run_call
from bot.tools.confirmed import Confirmed
from bot.tools.port import Effect, Principal, Question, Tool, ToolResult, Workshop
from channels.clock import Clock

log = logging.getLogger(__name__)

Ask = Callable[[CompletionRequest, Turn], Awaitable[Answered]]

MOST_AT_ONCE: Final = 16
"""Calls of one answer that are run; the model is told that it asked for too many."""


WITHOUT_TOOLS_SECONDS: Final = 600.0
"""For how long a model that takes no tools is offered none."""
NOTHING: Final = Completion("", "", Usage())


@dataclass(slots=True)
class Worked:
    """What a turn came to. `steps` are the records between question and answer; `usage` and `attempts` are of all
    calls to models."""

    completion: Completion
    usage: Usage
    attempts: list[ModelCall]
    steps: list[Record] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)


def refuses_tools(failure: AgentFailed) -> bool:
    """Whether the model may have refused the request because tools came with it, as small models at home do."""
    return isinstance(failure.__cause__, MalformedRequest) and "tool" in str(failure.__cause__).lower()


class ToolLoop:
    """`allowed` are the agent's own name patterns, None without any; `rounds` bounds how often tools are used."""

    def __init__(
        self,
        ask: Ask,
        workshop: Workshop | None,
        allowed: Sequence[str] | None,
        rounds: int,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._ask = ask
        self._workshop = workshop
        self._allowed = allowed
        self._rounds = rounds
        self._clock = clock
        self._limits = limits
        self._no_tools_before = 0.0

    async def run(self, request: CompletionRequest, turn: Turn) -> Worked:
        """Raises AgentFailed as `ask` does."""
        principal, worked = turn.principal, Worked(NOTHING, Usage(), [])
        tools = {} if principal is None else await self._offered(principal)
        if principal is None or not (tools or turn.approved):
            await self._ask_on(worked, request, turn)
            return worked
        request = replace(request, tools=[tool.spec for tool in tools.values()])
        if turn.approved is None:
            return await self._use(worked, request, turn, tools, principal)
        worked.completion = replace(NOTHING, tool_calls=[turn.approved])
        allowed = {name: tool.inner if isinstance(tool, Confirmed) else tool for name, tool in tools.items()}
        (result,) = results = await self._run_all([turn.approved], allowed, principal)
        request = self._note(worked, request, results)
        try:
            return await self._use(worked, request, turn, tools, principal)
        except AgentFailed:
            # The asker allowed it: it is done, and told, whether or not a model has more to say.
            log.warning("No model speaks of what was allowed", extra={"agent": principal.agent})
            worked.completion = replace(NOTHING, text=result.text)
            return worked

    async def _offered(self, principal: Principal) -> Mapping[str, Tool]:
        if self._workshop is None or self._clock.monotonic() < self._no_tools_before:
            return {}
        return await self._workshop.offered(principal, self._allowed)

    async def _use(
        self, worked: Worked, request: CompletionRequest, turn: Turn, tools: Mapping[str, Tool], principal: Principal
    ) -> Worked:
        for remaining in range(self._rounds, -1, -1):
            await self._ask_on(worked, request if remaining else replace(request, tools=()), turn)
            calls = worked.completion.tool_calls
            if not calls or not remaining:
                break
            results = await self._run_all(calls, tools, principal)
            request = self._note(worked, request, results)
        return worked

    async def _ask_on(self, worked: Worked, request: CompletionRequest, turn: Turn) -> None:
        try:
            answered = await self._ask(request, turn)
        except AgentFailed as failure:
            worked.attempts.extend(failure.attempts)
            if not (request.tools and refuses_tools(failure)):
                failure.attempts = tuple(worked.attempts)
                raise
            await self._ask_on(worked, replace(request, tools=()), turn)
            why = str(failure.__cause__)
            log.warning("The model takes no tools: set tools to [] for its agent", extra={"why": why})
            self._no_tools_before = self._clock.monotonic() + WITHOUT_TOOLS_SECONDS
            return
        worked.completion = answered.completion
        worked.usage = _sum(worked.usage, answered.completion.usage)
        worked.attempts.extend(answered.attempts)

    async def _run_all(
        self, calls: Sequence[ToolCall], tools: Mapping[str, Tool], principal: Principal
    ) -> Sequence[ToolResult]:
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(
                    run_call(call, tools, principal, self._clock, self._limits), name=f"tool {call.name[:64]}"
                )
                for call in calls[:MOST_AT_ONCE]
            ]
        too_many = ToolResult(f"error: not done, at most {MOST_AT_ONCE} calls at once")
        return [*(task.result() for task in running), *[too_many] * (len(calls) - len(running))]

    def _note(self, worked: Worked, request: CompletionRequest, results: Sequence[ToolResult]) -> CompletionRequest:
        """Write the round down; the request for the next one."""
        completion, now = worked.completion, self._clock.now()
        worked.steps.append(Record("assistant", completion.text, now, call_metadata(completion)))
        messages = [*request.messages, completion.message]
        for call, result in zip(completion.tool_calls, results, strict=True):
            worked.steps.append(Record("tool", result.text, now, {"tool_call_id": call.id, "name": call.name}))
            worked.effects.extend(result.effects)
            if result.question is not None:
                worked.questions.append(result.question)
            messages.append(ChatMessage("tool", result.text, tool_call_id=call.id))
        return replace(request, messages=newest_shown([*messages, *shown(completion.tool_calls, results)]))


def call_metadata(completion: Completion) -> Mapping[str, Any]:
    """What is kept with a record that calls tools, in the form of OpenAI's messages."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in completion.tool_calls
    ]
    reasoning = {} if completion.reasoning is None else {"reasoning": completion.reasoning}
    return {"tool_calls": calls, **reasoning}


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt + other.prompt,
        one.completion + other.completion,
        one.total + other.total,
        one.cached + other.cached,
    )
