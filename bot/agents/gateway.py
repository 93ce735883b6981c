"""An agent that lives elsewhere: each turn is handed to another OpenAI-compatible gateway, such as OpenClaw.

The other side has instructions and tools of its own; the conversation stays here and goes along whole. The agent's
`model` names an entry of `model_list` with the gateway's address and token, `openclaw/<agent there>`.

https://docs.openclaw.ai/gateway/openai-http-api
"""

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from bot.agents.model_names import in_order
from bot.agents.port import Agent, AgentContext, AgentFailed, AgentFault, Answer, Turn
from bot.agents.prompt import conversation, fit_history, whole_units
from bot.providers.attempt import NoAnswer
from bot.providers.meter import Asker
from bot.providers.port import CompletionRequest

AGENT_HEADER: Final = "x-openclaw-agent-id"


class GatewayAgent(Agent):
    """Raises AgentFault where no `model` says which gateway."""

    def __init__(self, context: AgentContext) -> None:
        entry, defaults = context.entry, context.defaults
        self.id = entry.id
        self._models = context.models
        self._names = in_order(entry.model)
        if not self._names:
            raise AgentFault(f"agent {entry.id!r}: kind 'gateway' needs a model: the gateway's entry in model_list")
        self._history_limit = defaults.history_limit
        self._history_characters = defaults.history_characters
        self._max_tokens, self._temperature = entry.max_tokens, entry.temperature

    @override
    async def answer(self, turn: Turn) -> Answer:
        """Raises AgentFailed when no gateway answered."""
        if turn.given is None:
            recalled = await turn.history(self._history_limit)
            records = fit_history(recalled, self._history_limit, self._history_characters)
        else:
            records = whole_units(turn.given)
        request = CompletionRequest(
            conversation(records, turn),
            self._temperature if turn.temperature is None else turn.temperature,
            self._max_tokens if turn.max_tokens is None else turn.max_tokens,
            on_delta=turn.on_delta,
            on_begin=turn.on_begin,
            headers=agent_header,
        )
        try:
            answered = await self._models.ask(self._names, request, Asker(self.id, turn.peer))
        except NoAnswer as failure:
            raise AgentFailed(failure.reason, failure.attempts) from failure.failure
        completion = answered.completion
        usage = completion.usage
        return Answer(completion.text, completion.model, usage, tokens=usage.total, attempts=answered.attempts)

    async def sees(self, session_key: str) -> bool:  # noqa: ARG002 - a port's shape
        """As the port says (bot.agents.port.Sees)."""
        return self._models.sees(self._names)


def agent_header(model_id: str) -> Mapping[str, str]:
    """The agent's id on the other side is what stands last in the model's id; none where no header can carry it."""
    agent = model_id.rpartition("/")[2]
    return {AGENT_HEADER: agent} if agent.isascii() and agent.isprintable() else {}
