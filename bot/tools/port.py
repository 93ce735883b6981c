"""The seam to tools: what a model may have done while it thinks about an answer.

A tool knows no channel and no queue. What it wants to have done for good it returns as effects, which join the
transaction that ends the turn: a turn that dies has done nothing.

ToolFailed    the tool cannot do this; its text is for the model, which may try something else
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from bot.catalogue import Language
from bot.images import Image
from bot.providers.port import ToolSpec
from bot.storage.port import Statement
from channels.message import Destination

Audience = Literal["owner", "direct", "group"]
"""Who can have put words into the conversation: the owner alone, one other person, or several people."""


class ToolFailed(Exception):
    """The call has no result. The text tells the model why, in words that anyone may read."""


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf a turn runs. `sender` is the platform's id; `place` the chat that hears the answer.

    `can_confirm` is false where nobody can be asked whether a tool may be used.
    """

    audience: Audience
    agent: str
    session_key: str
    place: Destination
    sender: str
    language: Language
    can_confirm: bool = True


@dataclass(frozen=True, slots=True)
class Effect:
    """`statements` join the transaction that ends the turn; `after` runs when they are on disk.

    None of them is `required`: one effect that comes to nothing must not undo the answer.
    """

    statements: Sequence[Statement]
    after: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What the asker has to allow: a call of `tool` with `arguments` (JSON). `nonce` tells it from all others."""

    nonce: str
    tool: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the model reads and sees, what is done when the turn ends, and what the asker is to be asked then."""

    text: str
    effects: Sequence[Effect] = ()
    question: Question | None = None
    images: Sequence[Image] = ()


class Tool(Protocol):
    """One thing a model may do. A `risky` one changes something outside the conversation: the principal confirms it."""

    risky: bool

    @property
    def spec(self) -> ToolSpec: ...

    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        """Raises ToolFailed; cancelling ends whatever is in flight."""
        ...


class ToolSource(Protocol):
    """Where tools come from: those of the house, or a server that has its own."""

    async def tools(self, agent: str) -> Sequence[Tool]:
        """The tools that this agent may be given just now. Never raises: a source that is ill has none."""
        ...


class Workshop(Protocol):
    """All that a tool loop needs to know about tools."""

    async def offered(self, principal: Principal, allowed: Sequence[str] | None) -> Mapping[str, Tool]:
        """The tools for this principal by name. `allowed` are name patterns of the agent; None: no limit of its own."""
        ...
