"""What a runner says of its task: the body of a callback. Pure."""

from typing import Literal

from pydantic import BaseModel, ValidationError

from bot.providers.errors import BadAnswer, ContentRefused
from bot.providers.wire import read_answer
from bot.tasks.store import Outcome


class Unreadable(Exception):
    """The body says nothing that ends a task. `args[0]` repeats nothing of it."""


class _Progress(BaseModel):
    status: Literal["queued", "running"]


class _Failure(BaseModel):
    error: dict[str, object] | str


def read_report(body: bytes, asked_model: str) -> Outcome | None:
    """How the task ended: an OpenAI completion, or an OpenAI error (`{"error": …}`). None for `{"status": "running"}`.

    Raises Unreadable.
    """
    if _fits(_Progress, body):
        return None
    if _fits(_Failure, body):
        return Outcome("failed", error="runner_failed")
    try:
        answer = read_answer(body, asked_model)
    except ContentRefused:
        return Outcome("failed", error="model_refused")
    except BadAnswer as error:
        raise Unreadable(str(error)) from None
    if not answer.text.strip():
        raise Unreadable("the answer has no words")
    return Outcome(
        "succeeded",
        output=answer.text,
        answered_by=answer.model,
        prompt_tokens=answer.usage.prompt,
        completion_tokens=answer.usage.completion,
        total_tokens=answer.usage.total,
    )


def _fits(model: type[BaseModel], body: bytes) -> bool:
    try:
        model.model_validate_json(body)
    except ValidationError:
        return False
    return True
