"""Failures of a channel, named by what the caller should do next.

ChannelError
├── NotSent           the platform did not take it: try again later
│   ├── RateLimited   …after `retry_after_seconds`; charges no attempt
│   └── Unauthorized  the platform refuses our token: log in again, send nothing until then
├── Refused           the platform will never take it: do not repeat
│   ├── ChatMoved     …here, but at `new_chat`: repeat there
│   └── ChatClosed    …nor anything else in this chat: the bot was removed or blocked
├── OutcomeUnknown    it may or may not have been taken
└── Unparsable        an event of a form we cannot read: set it aside
"""

from typing import Final

from typing_extensions import override

LONGEST_WAIT_SECONDS: Final = 86_400.0


class ChannelError(Exception):
    """Root of all that a channel raises. `args[0]` is one line for people and holds no secret."""


class NotSent(ChannelError):
    """The platform certainly did not take it: repeating is safe."""


class RateLimited(NotSent):
    """The platform asks to wait; nobody is believed who asks for more than LONGEST_WAIT_SECONDS."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = min(max(0.0, retry_after_seconds), LONGEST_WAIT_SECONDS)  # 0.0 for what is no number

    @override
    def __str__(self) -> str:
        return f"the platform asks to wait {self.retry_after_seconds:g} s"


class Unauthorized(NotSent):
    """The platform refuses the token."""


class Refused(ChannelError):
    """The platform will never take this: the chat is gone, the bot was removed, the request is wrong."""


class ChatMoved(Refused):
    """The chat lives at another id now (a Telegram group that became a supergroup)."""

    def __init__(self, new_chat: str) -> None:
        super().__init__(new_chat)
        self.new_chat = new_chat

    @override
    def __str__(self) -> str:
        return f"the chat has moved to {self.new_chat}"


class ChatClosed(Refused):
    """The chat takes nothing from the bot any more: it was removed or blocked, or the chat is gone."""


class OutcomeUnknown(ChannelError):
    """The request left, the answer did not come: it may have been taken."""


class Unparsable(ChannelError):
    """An event of a form that the channel does not know."""
