"""What is remembered: `memory.recall`."""

from typing import Literal

from pydantic import Field
from typing_extensions import TypedDict

from bot.methods.desk import Caller, Desk
from bot.methods.sessions import One, whole_key


class Recall(One):
    """What was said and noted under this key, searched for the words of `query`."""

    query: str = Field(min_length=1, max_length=1000)
    limit: int = Field(default=10, ge=1, le=100)


class MemoryView(TypedDict):
    """One memory. `speaker` null: the agent said it; `score` grows with how well it fits; `timestamp` is ISO 8601."""

    id: int
    kind: Literal["said", "note"]
    speaker: str | None
    text: str
    timestamp: str
    score: float


class Recalled(TypedDict):
    """The best first."""

    session_key: str
    memories: list[MemoryView]


async def recall(desk: Desk, _caller: Caller, params: Recall) -> Recalled:
    """Search what was said and noted in a conversation, in all of its sessions."""
    key = whole_key(params.session_key)
    found = await desk.memory.recall(key, params.query, params.limit)
    return {
        "session_key": key,
        "memories": [
            {
                "id": memory.id,
                "kind": memory.kind,
                "speaker": memory.speaker,
                "text": memory.text,
                "timestamp": memory.created.isoformat(),
                "score": round(memory.score, 4),
            }
            for memory in found
        ],
    }
