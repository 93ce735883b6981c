"""All gateway sessions of one bot: how many may begin, which may go on, and who hears what happens.

https://discord.com/developers/docs/events/gateway#sessions
"""

import asyncio
import secrets
from collections import deque
from typing import Final

from channels.clock import Clock
from channels.simulator.discord.session import Frame, Session
from channels.simulator.discord.state import BOT_ID, DiscordState
from channels.simulator.discord.wire import Wire
from channels.simulator.world import World

ENDS_SESSION: Final = frozenset({1000, 1001})
SESSION_SECONDS: Final = 300.0  # so long a broken session may be resumed
IDENTIFIES_A_DAY: Final = 1000
DAY_SECONDS: Final = 86_400.0
MOST_SESSIONS: Final = 20


class Sessions:
    """Hears of the world, and numbers it for each session."""

    def __init__(self, clock: Clock, world: World[DiscordState]) -> None:
        self._clock = clock
        self._world = world
        self._sessions: dict[str, Session] = {}
        self._identified: deque[float] = deque()
        world.listen(self._on_event)

    @property
    def is_served(self) -> bool:
        """Whether any session has a connection."""
        return any(session.outgoing is not None for session in self._sessions.values())

    def begin(self, intents: int, outgoing: asyncio.Queue[Frame]) -> Session | None:
        """A new session; None when there were too many in a day."""
        if self.start_limit()["remaining"] == 0:
            return None
        self._identified.append(self._clock.monotonic())
        session = Session(secrets.token_hex(16), intents)
        session.outgoing = outgoing
        self._sessions[session.id] = session
        while len(self._sessions) > MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        self._world.tell("presence", {"connected": True})
        return session

    def start_limit(self) -> Wire:
        """https://discord.com/developers/docs/events/gateway#session-start-limit-object"""
        now = self._clock.monotonic()
        while self._identified and now - self._identified[0] > DAY_SECONDS:
            self._identified.popleft()
        first = self._identified[0] + DAY_SECONDS - now if self._identified else 0.0
        return {
            "total": IDENTIFIES_A_DAY,
            "remaining": max(0, IDENTIFIES_A_DAY - len(self._identified)),
            "reset_after": round(first * 1000),
            "max_concurrency": 1,
        }

    def find(self, session_id: str) -> Session | None:
        """A session that may go on; None for one that is over or never was."""
        session = self._sessions.get(session_id)
        if session is None or session.left_at is None:
            return session
        if self._clock.monotonic() - session.left_at > SESSION_SECONDS:
            del self._sessions[session_id]
            return None
        return session

    def resume(self, session: Session, sequence: int, outgoing: asyncio.Queue[Frame]) -> None:
        session.resume(sequence, outgoing)
        self._world.tell("presence", {"connected": True})

    def leave(self, session: Session, outgoing: asyncio.Queue[Frame], close_code: int | None) -> None:
        """A connection is gone. The session outlives it, unless the client closed it as done."""
        if session.outgoing is not outgoing:
            return
        session.outgoing = None
        session.left_at = self._clock.monotonic()
        if close_code in ENDS_SESSION:
            self._sessions.pop(session.id, None)
        self._world.tell("presence", {"connected": self.is_served})

    def forget_all(self) -> None:
        self._sessions.clear()

    def _on_event(self, event: str, data: Wire) -> None:
        guild_id = data.get("guild_id") or (data["id"] if event in {"GUILD_CREATE", "GUILD_DELETE"} else None)
        if guild_id is not None and event != "GUILD_DELETE":
            guild = self._world.state.guilds.get(guild_id)
            if guild is None or BOT_ID not in guild.members:
                return
        for session in self._sessions.values():
            if session.hears(event, in_guild=guild_id is not None):
                session.tell(event, data)
