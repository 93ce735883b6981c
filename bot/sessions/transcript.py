"""What was said in a session, one record a line, in the form that claw0's JSONL files have too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bot.images import Image

Role = Literal["user", "assistant", "system", "tool"]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Conversation:
    """Where something that is said under `key` belongs, however long it takes until it is written down.

    `session_id` is the session in which it was said; None: whichever is open, as long as none has ended since.
    """

    key: str
    session_id: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a transcript. `metadata` holds what only some have: sender, tool calls, model, usage.

    `images` are for the model that reads the record now; they are never written.
    """

    role: Role
    content: str
    timestamp: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict)
    images: Sequence[Image] = ()
