"""One task's question to its model, and what its end means for the task."""

from bot.providers.bases import ModelFault
from bot.providers.errors import ProviderError
from bot.providers.models import ModelChoice, Models, UnknownModel
from bot.providers.port import ChatMessage, CompletionRequest
from bot.providers.reason import failure_reason
from bot.tasks.store import Outcome
from bot.tasks.task import Task
from channels.clock import Clock, deadline

KIMI = "kimi"


async def ask_model(task: Task, models: Models, clock: Clock, timeout_seconds: float) -> Outcome:
    """Ask once, without streaming; the outcome is never an exception but cancellation."""
    try:
        choice = choose(models, task.model)
        request = CompletionRequest([ChatMessage("user", task.prompt)], task.temperature)
        async with deadline(clock, timeout_seconds):
            answer = await choice.provider.complete(choice.model_id, request)
    except TimeoutError:
        return Outcome("timed_out", error="timed_out")
    except (ProviderError, ModelFault) as error:
        return Outcome("failed", error=failure_reason(error))
    usage = answer.usage
    return Outcome(
        "succeeded",
        output=answer.text,
        answered_by=answer.model,
        prompt_tokens=usage.prompt,
        completion_tokens=usage.completion,
        total_tokens=usage.total,
    )


def choose(models: Models, model: str) -> ModelChoice:
    """The model by its name in the settings; any other text is an id at Kimi's own endpoint. Raises ModelFault."""
    try:
        return models.find(model)
    except UnknownModel:
        return ModelChoice(models.find(KIMI).provider, model)
