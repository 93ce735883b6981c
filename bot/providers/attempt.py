"""What became of asking: each attempt by itself, and the end of them all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bot.providers.bases import ModelFault
from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    ContentRefused,
    MalformedRequest,
    ProviderError,
    ProviderTimeout,
    QuotaExhausted,
    RateLimited,
)
from bot.providers.port import Completion
from bot.providers.reason import FailureReason, failure_reason

CooldownClass = Literal["rate_limit", "timeout", "server", "auth", "billing"]
"""Failures after which a way to a model is left alone for a while."""
OutcomeClass = CooldownClass | Literal["ok", "bad_answer", "malformed", "content"]
"""`bad_answer` is no reason to leave a way alone: a stranger's odd question may be its cause."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a model. `key` is the key's label, never the key; `model` the id that was sent."""

    provider: str
    key: str
    model: str
    outcome: OutcomeClass
    seconds: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The completion, and all that was tried until it came."""

    completion: Completion
    attempts: Sequence[Attempt]


class NoAnswer(Exception):
    """Nobody answered; `failure` is what the last one said, `reason` the catalogue's word for it."""

    def __init__(self, failure: ProviderError | ModelFault, attempts: Sequence[Attempt]) -> None:
        super().__init__(str(failure))
        self.failure = failure
        self.attempts = tuple(attempts)

    @property
    def reason(self) -> FailureReason:
        return failure_reason(self.failure)


def outcome_class(error: ProviderError) -> OutcomeClass:
    """The class of a failed attempt."""
    if isinstance(error, ContentRefused):
        return "content"
    if isinstance(error, MalformedRequest):
        return "malformed"
    return cooldown_class(error) or "bad_answer"


def cooldown_class(error: ProviderError) -> CooldownClass | None:
    """None where the failure is no reason to leave the way alone."""
    kinds: tuple[tuple[type[ProviderError], CooldownClass], ...] = (
        (RateLimited, "rate_limit"),
        (QuotaExhausted, "billing"),
        (ProviderTimeout, "timeout"),
        (AuthRefused, "auth"),
    )
    if isinstance(error, MalformedRequest | BadAnswer):
        return None
    return next((reason for kind, reason in kinds if isinstance(error, kind)), "server")
