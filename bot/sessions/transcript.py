"""What was said in a session, one record a line, in the form that claw0's JSONL files have too."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Role = Literal["user", "assistant", "system", "tool"]


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a transcript. `metadata` holds what only some have: sender, tool calls, model, usage."""

    role: Role
    content: str
    timestamp: datetime
    metadata: Mapping[str, Any] = field(default_factory=dict)
