"""What follows a failed delivery: a pure decision from the failure, the row and the time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.delivery.item import Kind, OutboxItem
from channels.errors import (
    ChannelError,
    ChatClosed,
    ChatMoved,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
)
from channels.utf16 import without_lone_surrogates

MOST_ATTEMPTS = 5
BACKOFF = (timedelta(seconds=5), timedelta(seconds=25), timedelta(minutes=2), timedelta(minutes=10))
JITTER = 0.2  # each way


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


@dataclass(frozen=True, slots=True)
class Closed:
    """Nothing will be taken in this chat any more: the row and all that wait behind it end undelivered."""

    reason: str


Verdict = Again | Dead | Held | Moved | Closed


def after_failure(failure: ChannelError, item: OutboxItem, now: datetime, jitter: float) -> Verdict:
    """What to do with `item`, whose attempt (already counted in `item.attempts`) ended in `failure`.

    `jitter` is a random number from -1 to 1.
    """
    match failure:
        case NotSent():
            return _after_not_sent(failure, item, now, jitter)
        case OutcomeUnknown():
            return _after_unknown(failure, item, now, jitter)
        case ChatMoved():
            return Moved(failure.new_chat)
        case ChatClosed():
            return Closed(_reason("chat_closed", failure))
        case ChannelError():
            return _never(_reason("refused", failure), item)
        case _:
            assert_never(failure)


def _after_not_sent(failure: NotSent, item: OutboxItem, now: datetime, jitter: float) -> Again | Dead | Held:
    match failure:
        case RateLimited():
            again = Again(now + timedelta(seconds=failure.retry_after_seconds), charged=False, reason="rate_limited")
        case Unauthorized():
            again = Again(now, charged=False, reason="unauthorized")
        case _ if item.attempts >= MOST_ATTEMPTS:
            return _never(_reason("attempts_used_up", failure), item)
        case _:
            again = Again(now + backoff(item.attempts, jitter), charged=True, reason=_reason("not_sent", failure))
    return _never("expired", item) if again.due >= item.expires else again


def _reason(code: str, failure: ChannelError) -> str:
    """What is kept with the row: a stranger's words must not keep the row from being closed."""
    return without_lone_surrogates(f"{code}: {failure}")


def _never(reason: str, item: OutboxItem) -> Dead | Held:
    """It is not sent again; a row of which an earlier attempt may have arrived is no dead letter."""
    return Held(reason) if item.duplicate else Dead(reason)


def after_settling(item: OutboxItem, now: datetime, resent: frozenset[Kind]) -> Held | None:
    """What to do with a row of which nobody, its channel included, can tell whether it arrived. None: send it again.

    `resent`: the kinds that are sent again, labelled; others are held. A row that a person has sent again (`attempted`
    None) goes out whatever its kind.
    """
    if item.attempted is not None and item.kind not in resent:
        return Held(item.reason or "outcome_unknown")
    return Held("expired") if item.expires <= now else None


def backoff(attempts: int, jitter: float) -> timedelta:
    """The wait after `attempts` attempts (1 and up); `jitter` from -1 to 1 moves it by up to a fifth."""
    step = BACKOFF[min(attempts, len(BACKOFF)) - 1]
    return step * (1 + JITTER * jitter)


def _after_unknown(failure: OutcomeUnknown, item: OutboxItem, now: datetime, jitter: float) -> Again | Held:
    """Tried again in any case: the next attempt asks the channel first what became of this one."""
    due = now + backoff(item.attempts, jitter)
    if item.attempts >= MOST_ATTEMPTS:
        return Held(_reason("attempts_used_up", failure))
    return Again(due, charged=True, reason=_reason("outcome_unknown", failure), duplicate=True)
