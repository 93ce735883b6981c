"""One gateway session: what it asked to hear, its numbering, and what may have to be told again.

https://discord.com/developers/docs/events/gateway
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from channels.simulator.discord.messages import without_content
from channels.simulator.discord.wire import Wire

KEPT_EVENTS: Final = 5000
GUILDS, GUILD_MEMBERS, PRESENCES = 1 << 0, 1 << 1, 1 << 8
MESSAGE_CONTENT: Final = 1 << 15
ALL_INTENTS: Final = (1 << 26) - 1
_MESSAGES, _REACTIONS, _TYPING = (1 << 9, 1 << 12), (1 << 10, 1 << 13), (1 << 11, 1 << 14)
_ALWAYS: Final = (-1, -1)
INTENTS: Final[Mapping[str, tuple[int, int]]] = {
    "INTERACTION_CREATE": _ALWAYS,
    "GUILD_CREATE": (GUILDS, 0),
    "GUILD_DELETE": (GUILDS, 0),
    "CHANNEL_CREATE": (GUILDS, 1 << 12),
    "CHANNEL_UPDATE": (GUILDS, 0),
    "CHANNEL_DELETE": (GUILDS, 0),
    "THREAD_CREATE": (GUILDS, 0),
    "THREAD_UPDATE": (GUILDS, 0),
    "THREAD_DELETE": (GUILDS, 0),
    "GUILD_MEMBER_ADD": (GUILD_MEMBERS, 0),
    "GUILD_MEMBER_REMOVE": (GUILD_MEMBERS, 0),
    "MESSAGE_CREATE": _MESSAGES,
    "MESSAGE_UPDATE": _MESSAGES,
    "MESSAGE_DELETE": _MESSAGES,
    "MESSAGE_REACTION_ADD": _REACTIONS,
    "MESSAGE_REACTION_REMOVE": _REACTIONS,
    "TYPING_START": _TYPING,
}
"""What it takes to hear an event, in a server and in a direct chat; events that stand not here are the page's."""

Frame = str | int
"""JSON to send, or the code with which to close."""


class Session:
    """`outgoing` belongs to the connection of the moment; None while there is none."""

    def __init__(self, session_id: str, intents: int) -> None:
        self.id = session_id
        self.intents = intents
        self.sequence = 0
        self.outgoing: asyncio.Queue[Frame] | None = None
        self.left_at: float | None = None
        self._told: deque[tuple[int, str]] = deque(maxlen=KEPT_EVENTS)

    def hears(self, event: str, *, in_guild: bool) -> bool:
        there, direct = INTENTS.get(event, (0, 0))
        return bool(self.intents & (there if in_guild else direct))

    def tell(self, event: str, data: Any) -> None:
        """Number an event and send it, now or when the session is resumed."""
        if event in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} and not self.intents & MESSAGE_CONTENT:
            data = _blank(data)
        self.sequence += 1
        frame = _frame(0, data, event, self.sequence)
        self._told.append((self.sequence, frame))
        if self.outgoing is not None:
            self.outgoing.put_nowait(frame)

    def can_resume(self, sequence: int) -> bool:
        """Whether all that came after `sequence` is still there."""
        first = self._told[0][0] if self._told else self.sequence + 1
        return first - 1 <= sequence <= self.sequence

    def resume(self, sequence: int, outgoing: asyncio.Queue[Frame]) -> None:
        """Go on over another connection."""
        if self.outgoing is not None:
            self.outgoing.put_nowait(4000)
        self.outgoing = outgoing
        self.left_at = None
        for number, frame in self._told:
            if number > sequence:
                outgoing.put_nowait(frame)
        self.tell("RESUMED", {"_trace": ["javis-simulator"]})


def _frame(operation: int, data: Any, event: str | None = None, sequence: int | None = None) -> str:
    return json.dumps({"op": operation, "d": data, "t": event, "s": sequence}, ensure_ascii=False)


def operation(number: int, data: Any) -> str:
    """The frame of everything but events."""
    return _frame(number, data)


def _blank(message: Wire) -> Wire:
    return without_content(message) if "guild_id" in message else message
