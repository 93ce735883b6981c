"""Reason codes: why a message, a turn or a delivery took the way it took. The one list of them.

Codes stand in the database and in `trace`, never their meanings; docs/trace.md shows all of them. A code may be
followed by `: ` and what a platform said.
"""

from enum import StrEnum
from typing import Final, Self


class Reason(StrEnum):
    """A code and the sentence for people that it stands for, as `Catalogue.say` takes it."""

    meaning: str

    def __new__(cls, code: str, meaning: str = "") -> Self:  # one is found by its code alone
        reason = str.__new__(cls, code)
        reason._value_ = code
        reason.meaning = meaning
        return reason

    # The gate
    ADMITTED = "admitted", "The sender may speak here."
    NO_SENDER = "no_sender", "The message names no sender."
    FROM_A_BOT = "from_a_bot", "Another bot wrote it."
    BOTS_IN_A_ROW = "bots_in_a_row", "Only bots have spoken here lately: a person must speak first."
    DM_DISABLED = "dm_disabled", "Direct messages are switched off."
    DM_NOT_ON_ALLOWLIST = "dm_not_on_allowlist", "The sender is not on the list for direct messages."
    DM_NOT_PAIRED = "dm_not_paired", "The sender has not been approved yet."
    GROUP_DISABLED = "group_disabled", "This group or topic is switched off."
    GROUP_NOT_ON_ALLOWLIST = "group_not_on_allowlist", "This group is not on the list."
    SENDER_NOT_ON_ALLOWLIST = "sender_not_on_allowlist", "The sender is not on this group's list."
    NOT_MENTIONED = "not_mentioned", "In this group I answer only when I am mentioned."
    # Binding and session
    BOUND = "bound", "A binding names the agent."
    DEFAULT_AGENT = "default_agent", "No binding fits: the default agent answers."
    SESSION_ASKED_FOR = "session_asked_for", "The client asked for this session."
    AGENT_ASKED_FOR = "agent_asked_for", "The client asked for this agent."
    IN_SESSION = "in_session", "It belongs to this conversation."
    UNKNOWN_AGENT = "unknown_agent", "The agent it leads to does not exist."
    # Commands and turns
    COMMAND_RUN = "command_run", "A command was carried out."
    TURN_BEGUN = "turn_begun", "The agent began to think."
    ANSWERED = "answered", "The agent has answered."
    MODEL_ANSWERED = "model_answered", "A model has answered."
    MODEL_FAILED = "model_failed", "A model did not answer."
    MODEL_UNREACHABLE = "model_unreachable", "No model could be reached."
    MODEL_BUSY = "model_busy", "The model was too busy."
    MODEL_REFUSED = "model_refused", "The model would not answer this."
    MODEL_MISCONFIGURED = "model_misconfigured", "The model settings are wrong."
    BUDGET_SPENT = "budget_spent", "The day's budget for models is used up."
    STOPPED = "stopped", "Somebody stopped the agent before it answered."
    CLIENT_LEFT = "client_left", "The client left before the answer came."
    TOOK_TOO_LONG = "took_too_long", "The agent took too long."
    EDITED_BEFORE_ITS_TURN = "edited_before_its_turn", "The edit replaced the question before its turn began."
    EDITED_TOO_LATE = "edited_too_late", "The edit came too late: its turn had begun."
    PART_OF_ALBUM = "part_of_album", "It was answered together with the other pictures of its album."
    CRASHED_REPEATEDLY = "crashed_repeatedly", "It was set aside: I stopped several times while working on it."
    FAILED = "failed", "It was set aside: something went wrong inside me."
    # What is no message
    UNPARSABLE = "unparsable", "It was set aside: it cannot be read."
    NOTHING_TO_ANSWER = "nothing_to_answer", "There is nothing in it to answer."
    STORED_TOO_LATE = "stored_too_late", "It was stored too late; the sender was told to try again."
    CHAT_MOVED = "chat_moved", "The chat has a new id."
    BOT_REMOVED = "bot_removed", "I was removed from the chat."
    BOT_ADDED = "bot_added", "I was added to the chat."
    ADDED_BY_OWNER = "added_by_owner", "My owner added me to the chat."
    # Deliveries
    RATE_LIMITED = "rate_limited", "The platform asks for patience."
    UNAUTHORIZED = "unauthorized", "The platform refuses my token."
    NOT_SENT = "not_sent", "It could not be sent; it is tried again."
    OUTCOME_UNKNOWN = "outcome_unknown", "Nobody knows whether it arrived."
    ATTEMPTS_USED_UP = "attempts_used_up", "All attempts are used up."
    EXPIRED = "expired", "It came too late to be of use."
    REFUSED = "refused", "The platform will not take it."
    CHAT_CLOSED = "chat_closed", "The chat takes no messages from me."
    DROPPED = "dropped", "A person decided not to send it."
    RELEASED = "released", "It waits to be sent again."


def meaning_of(text: str | None) -> str | None:
    """The sentence for a reason as it is stored, with or without what follows its code; None for one unknown."""
    code = (text or "").partition(":")[0]
    return Reason(code).meaning if code in _CODES else None


_CODES: Final = frozenset(reason.value for reason in Reason)
