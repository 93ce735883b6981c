"""An agent that asks a language model, and the next one where that fails."""

from collections.abc import Sequence
from pathlib import Path

from typing_extensions import override

from bot.agents.compaction import summary_prompt
from bot.agents.model_names import in_order
from bot.agents.port import Agent, AgentContext, AgentFailed, Answer, Turn
from bot.agents.prompt import build_prompt, fit_history, whole_units
from bot.agents.tool_loop import ToolLoop
from bot.agents.workspace import Workspace
from bot.providers.attempt import Answered, NoAnswer
from bot.providers.meter import Asker
from bot.providers.port import CompletionRequest
from bot.sessions.transcript import Record


class LlmAgent(Agent):
    """Asks its models in order, each key of each, until one answers.

    Without a model of its own and without a default it asks the first of the model list.
    """

    def __init__(self, context: AgentContext) -> None:
        entry, defaults = context.entry, context.defaults
        self.id = entry.id
        self._name = entry.name or entry.id
        self._models = context.models
        self._chosen_model = context.chosen_model
        self._model_names = in_order(entry.model or defaults.model) or context.models.names[:1]
        self._history_limit = defaults.history_limit
        self._history_characters = defaults.history_characters
        self._max_tokens = defaults.max_tokens if entry.max_tokens is None else entry.max_tokens
        self._temperature = defaults.temperature if entry.temperature is None else entry.temperature
        folder = entry.workspace or defaults.workspace
        self._workspace = Workspace(Path(folder).expanduser()) if folder else None
        rounds, limits = entry.max_tool_iterations, context.tool_limits
        self._loop = ToolLoop(self._ask, context.workshop, entry.tools, rounds, context.clock, limits)

    @override
    async def answer(self, turn: Turn) -> Answer:
        """Raises AgentFailed when every model did, or one refused the request itself."""
        texts = await self._workspace.read() if self._workspace else []
        if turn.given is None:
            recalled = await turn.history(self._history_limit)
            records = fit_history(recalled, self._history_limit, self._history_characters)
        else:
            records = whole_units(turn.given)
        prompt = build_prompt(self._name, texts, records, turn)
        request = CompletionRequest(
            prompt,
            self._temperature if turn.temperature is None else turn.temperature,
            self._max_tokens if turn.max_tokens is None else turn.max_tokens,
            on_delta=turn.on_delta,
            on_begin=turn.on_begin,
        )
        worked = await self._loop.run(request, turn)
        completion = worked.completion
        metadata = {} if completion.reasoning is None else {"reasoning": completion.reasoning}
        return Answer(
            completion.text,
            completion.model,
            worked.usage,
            metadata,
            worked.usage.total,
            tuple(worked.attempts),
            worked.steps,
            worked.effects,
            worked.questions,
        )

    async def sees(self, session_key: str) -> bool:
        """As the port says (bot.agents.port.Sees)."""
        return self._models.sees(await self._to_ask(session_key))

    async def summarise(self, records: Sequence[Record], earlier: str | None, turn: Turn) -> str:
        """As the port says (bot.agents.port.Summarises)."""
        request = CompletionRequest(summary_prompt(records, earlier), self._temperature)
        return (await self._ask(request, turn)).completion.text

    async def _ask(self, request: CompletionRequest, turn: Turn) -> Answered:
        names = await self._to_ask(turn.session_key)
        try:
            return await self._models.ask(names, request, Asker(self.id, turn.peer))
        except NoAnswer as failure:
            raise AgentFailed(failure.reason, failure.attempts) from failure.failure

    async def _to_ask(self, session_key: str) -> Sequence[str]:
        chosen = await self._chosen_model(session_key)
        return self._model_names if chosen is None else (chosen, *self._model_names)
