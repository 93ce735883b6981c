"""The seam to agents: one turn in, one answer out. Agents know no channel and no queue.

A plugin adds a kind of agent with an entry point in the group `javis.agents`, an `AgentFactory`.

AgentFault       an agent is set up wrongly: said at start, a person must change the settings
AgentFailed      this turn has no answer; `reason` is the catalogue's word for what to tell the asker
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from os import PathLike
from typing import Any, Protocol

from bot.providers.models import Models
from bot.providers.port import Usage
from bot.providers.reason import FailureReason
from bot.sessions.transcript import Record
from channels.clock import Clock


class AgentFault(Exception):
    """An agent's entry leads to no working agent."""


class AgentFailed(Exception):
    """The turn ended without an answer; `__cause__` is the last ProviderError or ModelFault."""

    def __init__(self, reason: FailureReason) -> None:
        super().__init__(reason)
        self.reason: FailureReason = reason


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said to an agent.

    `moment` is aware, in the zone that the agent should speak of. `is_direct` is false where several people
    speak. `history(n)` reads the session's last n records before this turn, oldest first.

    `on_delta` is called with each visible piece of text as it comes (None: the answer is wanted whole). Joined, the
    pieces are the beginning of the answer's text, unless a model broke off and another one took over: only the
    answer itself is sure.
    """

    session_key: str
    text: str
    sender_name: str
    is_direct: bool
    moment: datetime
    history: Callable[[int], Awaitable[Sequence[Record]]]
    on_delta: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent says, in markdown. `model` and `usage` are None where no model was asked.

    `metadata` is kept with the answer's record. `tokens` is all that the turn used, 0 where nobody knows.
    """

    text: str
    model: str | None = None
    usage: Usage | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tokens: int = 0


class Agent(Protocol):
    """One personality that answers. Turns of different sessions come at the same time."""

    id: str

    async def answer(self, turn: Turn) -> Answer:
        """Raises AgentFailed; cancelling ends whatever is in flight."""
        ...


class ModelOrder(Protocol):
    """A model's name and those to ask in its place, in order."""

    @property
    def primary(self) -> str: ...
    @property
    def fallbacks(self) -> Sequence[str]: ...


class AgentDefaults(Protocol):
    """What holds for each agent that says nothing else. None: nobody said."""

    @property
    def model(self) -> str | ModelOrder | None: ...
    @property
    def workspace(self) -> str | PathLike[str] | None: ...
    @property
    def max_tokens(self) -> int | None: ...
    @property
    def temperature(self) -> float | None: ...
    @property
    def history_limit(self) -> int: ...


class AgentEntry(Protocol):
    """One agent of bindings.yaml; None leaves the choice to AgentDefaults."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str | None: ...
    @property
    def model(self) -> str | ModelOrder | None: ...
    @property
    def workspace(self) -> str | PathLike[str] | None: ...
    @property
    def max_tokens(self) -> int | None: ...
    @property
    def temperature(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class AgentContext:
    """All that an agent is built from."""

    entry: AgentEntry
    defaults: AgentDefaults
    models: Models
    clock: Clock


AgentFactory = Callable[[AgentContext], Agent]
"""Builds one agent. Raises AgentFault when its entry is wrong; does no I/O."""
