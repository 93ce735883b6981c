"""What a failed call of the Bot API means: the library's errors as the channel's own words."""

from typing import Final

from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, TelegramError

from channels.errors import (
    ChannelError,
    ChatClosed,
    ChatMoved,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
)
from channels.telegram.request import NotSentError, SlowDownError

WORDS: Final = 200


def channel_error(error: TelegramError) -> ChannelError:
    """Raise its answer `from None`: the library's error says no more."""
    words = error.message[:WORDS]  # a proxy may answer with a page
    match error:
        case SlowDownError():
            return RateLimited(error.retry_after_seconds)
        case ChatMigrated():
            return ChatMoved(str(error.new_chat_id))
        case InvalidToken():
            return Unauthorized("Telegram refuses the token")
        case Forbidden() | BadRequest():  # the first: blocked, thrown out, or never spoken to
            return ChatClosed(words) if isinstance(error, Forbidden) else Refused(words)
        case NotSentError() | Conflict():
            return NotSent(words)
        case _:  # a timeout, a connection that broke, 5xx, an answer that is none
            return OutcomeUnknown(words)
