"""How a call of Discord's REST API fails, and what that means in the channel's own words.

CallFailed
├── NotReached    no request left this machine
├── AnswerLost    the request left, no usable answer came
├── SlowDown      429: wait
└── RefusedCall   400 and above, with Discord's own code
"""

from typing import Final

from channels.errors import ChannelError, ChatClosed, NotSent, OutcomeUnknown, RateLimited, Refused, Unauthorized

# https://discord.com/developers/docs/topics/opcodes-and-status-codes#json
UNKNOWN_CHANNEL: Final = 10003
UNKNOWN_MESSAGE: Final = 10008
UNKNOWN_WEBHOOK: Final = 10015
UNKNOWN_INTERACTION: Final = 10062
BAD_WEBHOOK_TOKEN: Final = 50027
NO_READING_FOR_REPLY: Final = 160002
MISSING_ACCESS: Final = 50001
NO_DIRECT_MESSAGES: Final = 50007
CLOSED: Final = frozenset({UNKNOWN_CHANNEL, MISSING_ACCESS, NO_DIRECT_MESSAGES})
WORDS: Final = 200


class CallFailed(Exception):
    """Root; `args[0]` is for people and holds no token."""


class NotReached(CallFailed):
    """Discord could not be reached: repeating is safe."""


class AnswerLost(CallFailed):
    """Nobody knows whether Discord did it."""


class SlowDown(CallFailed):
    """Discord asks to wait: in one place, or everywhere."""

    def __init__(self, retry_after_seconds: float, *, everywhere: bool) -> None:
        super().__init__(f"Discord asks to wait {retry_after_seconds:g} s")
        self.retry_after_seconds = retry_after_seconds
        self.everywhere = everywhere


class RefusedCall(CallFailed):
    """Discord refuses. `code` is its JSON code, 0 where it gave none."""

    def __init__(self, status: int, code: int, words: str) -> None:
        super().__init__(f"{words[:WORDS] or f'HTTP {status}'} ({code or status})")
        self.status = status
        self.code = code


def channel_error(error: CallFailed, *, in_thread: bool = False) -> ChannelError:
    """Raise its answer `from None`: the call's error says no more. A thread that is gone does not close its chat."""
    match error:
        case SlowDown():
            return RateLimited(error.retry_after_seconds)
        case RefusedCall(status=401):
            return Unauthorized("Discord refuses the token")
        case RefusedCall():
            return ChatClosed(str(error)) if error.code in CLOSED and not in_thread else Refused(str(error))
        case NotReached():
            return NotSent(str(error))
        case _:
            return OutcomeUnknown(str(error))
