"""What was said: `chat.history`, `chat.clear`, `sessions.*`."""

from functools import lru_cache
from typing import Any

from pydantic import Field
from typing_extensions import TypedDict

from bot.methods.desk import Caller, Desk
from bot.methods.failure import INVALID_PARAMS, NOT_FOUND, MethodFailed
from bot.methods.page import Newest
from bot.sessions.store import Session
from bot.sessions.transcript import Record
from bot.storage.errors import GuardFailed
from channels.config import Strict
from routing.errors import InvalidSessionKey
from routing.session_key import parse_session_key


class One(Strict):
    """A session by its key."""

    session_key: str = Field(min_length=1, max_length=1000)


class History(One):
    """The last `limit` messages of a session."""

    limit: int = Field(default=50, ge=1, le=1000)


class Message(TypedDict):
    """One record of a transcript; `timestamp` is ISO 8601."""

    role: str
    content: str
    timestamp: str
    metadata: dict[str, Any]


class Transcript(TypedDict):
    """The oldest first."""

    session_key: str
    messages: list[Message]


class Listed(Newest):
    """`closed`: those that have ended, in place of the open ones."""

    closed: bool = False


class SessionView(TypedDict):
    """A session. `id` tells apart those that a key has had; `state` is open, closed, archiving or archived."""

    id: int
    session_key: str
    state: str
    agent: str
    messages: int
    created_at: str
    last_active_at: str


class Done(TypedDict):
    """What was done to which session."""

    session_key: str
    done: bool


async def history(desk: Desk, caller: Caller, params: History) -> Transcript:
    """The last messages of a session; the caller hears its events from now on."""
    key = whole_key(params.session_key)
    caller.join(key)
    records = await desk.sessions.history(key, params.limit)
    return {
        "session_key": key,
        "messages": [message_view(record) for record in records],
    }


def message_view(record: Record) -> Message:
    return {
        "role": record.role,
        "content": record.content,
        "timestamp": record.timestamp.isoformat(),
        "metadata": dict(record.metadata),
    }


async def clear(desk: Desk, _caller: Caller, params: One) -> Done:
    """Begin a fresh conversation under the same key; what was said stays archived."""
    key = whole_key(params.session_key)
    await desk.storage.commit([await desk.sessions.end(key)])
    return {"session_key": key, "done": True}


async def newest(desk: Desk, _caller: Caller, params: Listed) -> dict[str, list[SessionView]]:
    """The open sessions, those spoken in last first; or those that have ended, the newest first."""
    return {"sessions": [view(session) for session in await desk.sessions.newest(params.limit, closed=params.closed)]}


def view(session: Session) -> SessionView:
    return {
        "id": session.id,
        "session_key": session.key,
        "state": session.state,
        "agent": session.agent,
        "messages": session.messages,
        "created_at": session.created.isoformat(),
        "last_active_at": session.last_active.isoformat(),
    }


async def delete(desk: Desk, _caller: Caller, params: One) -> Done:
    """Forget everything that was said under a key, for good: archived files too, and what is being answered."""
    key = whole_key(params.session_key)
    ending = await desk.sessions.end(key)
    try:
        _, rows, _ = await desk.storage.commit([ending, desk.sessions.delete(key), desk.memory.forget(key)])
    except GuardFailed:
        raise MethodFailed(NOT_FOUND, f"there is no session {key!r}: see sessions list") from None
    await desk.archive.forget(row["archive"] for row in rows)
    return {"session_key": key, "done": True}


@lru_cache(maxsize=1024)
def whole_key(text: str) -> str:
    """The key in its one written form. Raises MethodFailed."""
    try:
        return str(parse_session_key(text))
    except InvalidSessionKey as error:
        raise MethodFailed(INVALID_PARAMS, f"session_key: {error}") from None
