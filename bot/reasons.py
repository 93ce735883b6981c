"""Reason codes: why a message, a turn or a delivery took the way it took. The one list of them.

Codes stand in the database and in `trace`, never their meanings; docs/trace.md shows all of them. A code may be
followed by `: ` and what a platform said.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot import words


class Reason(StrEnum):
    """A code. `meaning` is the catalogue's sentence for people."""

    # The gate
    ADMITTED = "admitted"
    NO_SENDER = "no_sender"
    FROM_A_BOT = "from_a_bot"
    BOTS_IN_A_ROW = "bots_in_a_row"
    DM_DISABLED = "dm_disabled"
    DM_NOT_ON_ALLOWLIST = "dm_not_on_allowlist"
    DM_NOT_PAIRED = "dm_not_paired"
    GROUP_DISABLED = "group_disabled"
    GROUP_NOT_ON_ALLOWLIST = "group_not_on_allowlist"
    SENDER_NOT_ON_ALLOWLIST = "sender_not_on_allowlist"
    NOT_MENTIONED = "not_mentioned"
    # Binding and session
    BOUND = "bound"
    DEFAULT_AGENT = "default_agent"
    SESSION_ASKED_FOR = "session_asked_for"
    AGENT_ASKED_FOR = "agent_asked_for"
    IN_SESSION = "in_session"
    UNKNOWN_AGENT = "unknown_agent"
    # Commands and turns
    COMMAND_RUN = "command_run"
    TURN_BEGUN = "turn_begun"
    ANSWERED = "answered"
    MODEL_ANSWERED = "model_answered"
    MODEL_FAILED = "model_failed"
    MODEL_UNREACHABLE = "model_unreachable"
    MODEL_BUSY = "model_busy"
    MODEL_REFUSED = "model_refused"
    MODEL_MISCONFIGURED = "model_misconfigured"
    BUDGET_SPENT = "budget_spent"
    STOPPED = "stopped"
    CLIENT_LEFT = "client_left"
    TOOK_TOO_LONG = "took_too_long"
    EDITED_BEFORE_ITS_TURN = "edited_before_its_turn"
    EDITED_TOO_LATE = "edited_too_late"
    PART_OF_ALBUM = "part_of_album"
    CRASHED_REPEATEDLY = "crashed_repeatedly"
    FAILED = "failed"
    # What is no message
    UNPARSABLE = "unparsable"
    NOTHING_TO_ANSWER = "nothing_to_answer"
    STORED_TOO_LATE = "stored_too_late"
    CHAT_MOVED = "chat_moved"
    BOT_REMOVED = "bot_removed"
    BOT_ADDED = "bot_added"
    ADDED_BY_OWNER = "added_by_owner"
    # Deliveries
    RATE_LIMITED = "rate_limited"
    UNAUTHORIZED = "unauthorized"
    NOT_SENT = "not_sent"
    OUTCOME_UNKNOWN = "outcome_unknown"
    ATTEMPTS_USED_UP = "attempts_used_up"
    EXPIRED = "expired"
    REFUSED = "refused"
    CHAT_CLOSED = "chat_closed"
    DROPPED = "dropped"
    RELEASED = "released"

    @property
    def meaning(self) -> str:
        """The sentence, as `Catalogue.say` takes it."""
        return _MEANINGS[self]


def meaning_of(text: str | None) -> str | None:
    """The sentence for a reason as it is stored, with or without what follows its code; None for one unknown."""
    code = (text or "").partition(":")[0]
    return Reason(code).meaning if code in _CODES else None


_MEANINGS: Final[Mapping[Reason, str]] = {reason: getattr(words, f"REASON_{reason.name}") for reason in Reason}
_CODES: Final = frozenset(reason.value for reason in Reason)
