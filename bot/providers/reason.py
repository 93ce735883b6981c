"""What a failed model call means to the person who asked."""

from typing import Literal

from bot.providers.bases import BudgetSpent, ModelFault
from bot.providers.errors import (
    AuthRefused,
    ContentRefused,
    MalformedRequest,
    ProviderError,
    QuotaExhausted,
    RateLimited,
)

FailureReason = Literal["model_unreachable", "model_busy", "model_refused", "model_misconfigured", "budget_spent"]
"""`model_unreachable` and `model_busy`: asking again later may help. `model_refused`: another wording may.
`model_misconfigured`: the owner must act. `budget_spent`: tomorrow, or when the owner allows more."""


def failure_reason(failure: ProviderError | ModelFault) -> FailureReason:
    """The catalogue's word for it (bot.words.FAILURES)."""
    if isinstance(failure, BudgetSpent):
        return "budget_spent"
    if isinstance(failure, RateLimited):
        return "model_busy"
    if isinstance(failure, ContentRefused):
        return "model_refused"
    if isinstance(failure, ModelFault | AuthRefused | QuotaExhausted | MalformedRequest):
        return "model_misconfigured"
    return "model_unreachable"
