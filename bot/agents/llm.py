"""An agent that asks a language model, and the next one where that fails."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from typing_extensions import override

from bot.agents.port import Agent, AgentContext, AgentFailed, Answer, ModelOrder, Turn
from bot.agents.prompt import build_prompt
from bot.agents.workspace import Workspace
from bot.providers.bases import ModelFault
from bot.providers.errors import MalformedRequest, ProviderError, ProviderTimeout
from bot.providers.models import ModelChoice
from bot.providers.port import Completion, CompletionRequest
from bot.providers.reason import failure_reason
from channels.clock import deadline

_log = logging.getLogger(__name__)

CALL_SECONDS: Final = 300.0
"""How long one model may think before the next is asked."""


class LlmAgent(Agent):
    """Asks its models in order, each key of each, until one answers.

    Without a model of its own and without a default it asks the first of the model list.
    """

    def __init__(self, context: AgentContext) -> None:
        entry, defaults = context.entry, context.defaults
        self.id = entry.id
        self._name = entry.name or entry.id
        self._models = context.models
        self._clock = context.clock
        self._model_names = _in_order(entry.model or defaults.model) or context.models.names[:1]
        self._history_limit = defaults.history_limit
        self._max_tokens = defaults.max_tokens if entry.max_tokens is None else entry.max_tokens
        self._temperature = defaults.temperature if entry.temperature is None else entry.temperature
        folder = entry.workspace or defaults.workspace
        self._workspace = Workspace(Path(folder).expanduser()) if folder else None

    @override
    async def answer(self, turn: Turn) -> Answer:
        """Raises AgentFailed when every model did, or one refused the request itself."""
        texts = await self._workspace.read() if self._workspace else []
        records = await turn.history(self._history_limit)
        prompt = build_prompt(self._name, texts, records, turn, self._history_limit)
        request = CompletionRequest(prompt, self._temperature, self._max_tokens, on_delta=turn.on_delta)
        completion = await self._ask(request)
        metadata = {} if completion.reasoning is None else {"reasoning": completion.reasoning}
        return Answer(completion.text, completion.model, completion.usage, metadata, completion.usage.total)

    async def _ask(self, request: CompletionRequest) -> Completion:
        failure: ProviderError | ModelFault = ModelFault("model_list is empty")
        for choice in self._choices():
            if isinstance(choice, ModelFault):
                failure = choice
                continue
            try:
                return await self._complete(choice, request)
            except ProviderError as error:
                failure = error
                self._log_failure(choice.model_id, error)
                if isinstance(error, MalformedRequest):
                    break
        raise AgentFailed(failure_reason(failure)) from failure

    def _choices(self) -> Iterator[ModelChoice | ModelFault]:
        for name in self._model_names:
            try:
                yield from self._models.find_all(name)
            except ModelFault as fault:
                self._log_failure(name, fault)
                yield fault

    async def _complete(self, choice: ModelChoice, request: CompletionRequest) -> Completion:
        try:
            async with deadline(self._clock, CALL_SECONDS):
                return await choice.provider.complete(choice.model_id, request)
        except TimeoutError as error:
            raise ProviderTimeout(f"no answer within {CALL_SECONDS:g} s") from error

    def _log_failure(self, model: str, failure: ProviderError | ModelFault) -> None:
        facts = {"agent": self.id, "model": model, "kind": type(failure).__name__, "detail": str(failure)}
        _log.warning("model failed", extra=facts)


def _in_order(model: str | ModelOrder | None) -> tuple[str, ...]:
    if model is None:
        return ()
    return (model,) if isinstance(model, str) else (model.primary, *model.fallbacks)
