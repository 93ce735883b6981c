"""The road of one message: each step with its code, kept in memory until the transaction that ends the message."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from bot.reasons import Reason
from channels.message import InboundMessage

StepName = Literal["gate", "binding", "session", "command", "turn", "model"]


@dataclass(slots=True)
class Road:
    """What has happened to a message so far. `id` is its inbox row's. A step is ready for JSON.

    `session_key` and `agent` are None until the bindings have spoken.
    """

    id: int
    update_id: str
    message: InboundMessage
    began: datetime
    session_key: str | None = None
    agent: str | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)

    def note(self, step: StepName, code: Reason, now: datetime, **facts: str | float | None) -> None:
        """Add a step; facts that are None are left out. Facts hold no secret: people read them."""
        after_ms = round((now - self.began).total_seconds() * 1000)
        told = {name: value for name, value in facts.items() if value is not None}
        self.steps.append({"step": step, "code": code.value, "after_ms": after_ms, **told})
