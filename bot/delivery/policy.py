"""What follows a failed delivery: a pure decision from the failure, the row and the time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.delivery.item import Kind, OutboxItem
from channels.errors import (
    ChannelError,
    ChatMoved,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
    Unparsable,
)

MOST_ATTEMPTS = 5
BACKOFF = (timedelta(seconds=5), timedelta(seconds=25), timedelta(minutes=2), timedelta(minutes=10))
JITTER = 0.2  # each way

RESENT_WHEN_UNKNOWN: frozenset[Kind] = frozenset({"answer", "notice"})
"""Kinds that are sent again, labelled, when nobody knows whether they arrived. The others are held."""


@dataclass(frozen=True, slots=True)
class Again:
    """Send it again at `due`; an attempt that is not `charged` does not count."""

    due: datetime
    charged: bool
    reason: str
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Dead:
    """It will not be sent: a dead letter, kept for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """Nobody knows whether it arrived, and by policy nobody guesses: kept as `unknown` for a person."""

    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """The chat has a new id; the row and all that wait behind it go there."""

    new_chat: str


Verdict = Again | Dead | Held | Moved


def after_failure(failure: ChannelError, item: OutboxItem, now: datetime, jitter: float) -> Verdict:
    """What to do with `item`, whose attempt (already counted in `item.attempts`) ended in `failure`.

    `jitter` is a random number from -1 to 1.
    """
    verdict: Verdict
    match failure:
        case RateLimited():
            verdict = Again(now + timedelta(seconds=failure.retry_after_seconds), charged=False, reason="rate_limited")
        case Unauthorized():
            verdict = Again(now, charged=False, reason="unauthorized")
        case ChatMoved():
            return Moved(failure.new_chat)
        case Refused() | Unparsable():
            return Dead(f"refused: {failure}")
        case OutcomeUnknown():
            return _after_unknown(failure, item, now, jitter)
        case NotSent():
            if item.attempts >= MOST_ATTEMPTS:
                return Dead(f"attempts_used_up: {failure}")
            verdict = Again(now + backoff(item.attempts, jitter), charged=True, reason=f"not_sent: {failure}")
        case ChannelError():
            return Dead(f"refused: {failure}")
        case _:
            assert_never(failure)
    return Dead("expired") if verdict.due >= item.expires else verdict


def after_interruption(item: OutboxItem, now: datetime) -> Again | Held:
    """What to do with a row whose process died between sending and hearing the answer. Spends no attempt."""
    if item.kind not in RESENT_WHEN_UNKNOWN:
        return Held("interrupted")
    return Again(now, charged=False, reason="interrupted", duplicate=True)


def backoff(attempts: int, jitter: float) -> timedelta:
    """The wait after `attempts` attempts (1 and up); `jitter` from -1 to 1 moves it by up to a fifth."""
    step = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    return step * (1 + JITTER * jitter)


def _after_unknown(failure: OutcomeUnknown, item: OutboxItem, now: datetime, jitter: float) -> Again | Held:
    if item.kind not in RESENT_WHEN_UNKNOWN:
        return Held(f"outcome_unknown: {failure}")
    due = now + backoff(item.attempts, jitter)
    if item.attempts >= MOST_ATTEMPTS or due >= item.expires:
        return Held(f"attempts_used_up: {failure}")
    return Again(due, charged=True, reason=f"outcome_unknown: {failure}", duplicate=True)
