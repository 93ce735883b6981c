"""The seam to agents: one turn in, one answer out. Agents know no channel and no queue.

A plugin adds a kind of agent with an entry point in the group `javis.agents`, an `AgentFactory`.

AgentFault       an agent is set up wrongly: said at start, a person must change the settings
AgentFailed      this turn has no answer; `reason` is the catalogue's word for what to tell the principal
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from os import PathLike
from typing import Any

from typing_extensions import Protocol, runtime_checkable  # whose isinstance takes a tenth of the time

from bot.images import Image
from bot.providers.models import Models
from bot.providers.port import ToolCall, Usage
from bot.providers.reason import FailureReason
from bot.sessions.transcript import Record
from bot.tools.call import Limits
from bot.tools.port import Effect, Principal, Question, Workshop
from channels.clock import Clock


class AgentFault(Exception):
    """An agent's entry leads to no working agent."""


class ModelCall(Protocol):
    """One attempt to get an answer from a model. `key` is a label of the key, never the key; `outcome` `ok` or the
    kind of failure."""

    @property
    def provider(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def seconds(self) -> float: ...


class AgentFailed(Exception):
    """The turn ended without an answer; `__cause__` is the last ProviderError or ModelFault.

    `attempts` are the calls that were made in vain.
    """

    def __init__(self, reason: FailureReason, attempts: Sequence[ModelCall] = ()) -> None:
        super().__init__(reason)
        self.reason: FailureReason = reason
        self.attempts = tuple(attempts)


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said to an agent.

    `moment` is aware, in the zone that the agent should speak of. `is_direct` is false where several people
    speak. `history(n)` reads the session's last n records before this turn, oldest first. Where older ones were
    told in short, a record of role `system` with `summary` in its metadata stands before them.

    `on_delta` is called with each visible piece of text as it comes (None: the answer is wanted whole). Joined, the
    pieces are the beginning of the answer's text, unless a model broke off and another one took over, or used a tool:
    only the answer itself is sure. `on_begin` is called whenever a model is asked: what was heard before it is void.

    `peer` is `<channel>:<chat>`, whose budget the turn is charged to; None where no chat is behind it.
    `principal` is on whose behalf tools may be used; None: no tools. `instructions` are added to those of the owner.
    `approved` is a call that its asker has allowed: it is done before anything else.
    `given` is the whole conversation before this turn, in place of `history`, from a client that keeps it.
    `temperature` and `max_tokens` None: as the agent is set up. `images` came with the text.
    """

    session_key: str
    text: str
    sender_name: str
    is_direct: bool
    moment: datetime
    history: Callable[[int], Awaitable[Sequence[Record]]]
    on_delta: Callable[[str], None] | None = None
    on_begin: Callable[[], None] | None = None
    peer: str | None = None
    principal: Principal | None = None
    given: Sequence[Record] | None = None
    approved: ToolCall | None = None
    instructions: Sequence[str] = ()
    temperature: float | None = None
    max_tokens: int | None = None
    images: Sequence[Image] = ()

    def heard_by(self, on_delta: Callable[[str], None]) -> "Turn":
        """The same turn, streamed."""
        return replace(self, on_delta=on_delta)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent says, in markdown. `model` and `usage` are None where no model was asked.

    `metadata` is kept with the answer's record. `tokens` is all that the turn used, 0 where nobody knows.
    `attempts` are all calls to models, in order, those in vain included.
    `steps` are records to keep between the question's and the answer's; `effects` are done when the turn ends.
    `questions` are for the asker: what the agent may do is done in a turn of its own.
    """

    text: str
    model: str | None = None
    usage: Usage | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    tokens: int = 0
    attempts: Sequence[ModelCall] = ()
    steps: Sequence[Record] = ()
    effects: Sequence[Effect] = ()
    questions: Sequence[Question] = ()


class Agent(Protocol):
    """One personality that answers. Turns of different sessions come at the same time."""

    id: str

    async def answer(self, turn: Turn) -> Answer:
        """Raises AgentFailed; cancelling ends whatever is in flight."""
        ...


@runtime_checkable
class Summarises(Protocol):
    """An agent that can tell a long conversation in short."""

    async def summarise(self, records: Sequence[Record], earlier: str | None, turn: Turn) -> str:
        """A summary of `earlier` (the summary so far) and what was said after it. Raises AgentFailed.

        `turn` is the last one of the session: its budget is charged, and the model is the one chosen there.
        """
        ...


@runtime_checkable
class Sees(Protocol):
    """An agent that may be shown images. Nothing is fetched for others."""

    async def sees(self, session_key: str) -> bool:
        """Whether one of the models that it would ask in this session is shown images."""
        ...


@runtime_checkable
class Closes(Protocol):
    """An agent that holds something open."""

    async def close(self) -> None:
        """Let go of it: no turn comes any more. Called once, after the last turn."""
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
    @property
    def history_characters(self) -> int: ...


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
    @property
    def max_tool_iterations(self) -> int: ...
    @property
    def tools(self) -> Sequence[str] | None: ...


async def _nobody_chose(_session_key: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class AgentContext:
    """All that an agent is built from. `workshop` None: there are no tools.

    `chosen_model` tells the model that somebody chose for a session key; None: the agent's own.
    """

    entry: AgentEntry
    defaults: AgentDefaults
    models: Models
    clock: Clock
    workshop: Workshop | None = None
    tool_limits: Limits = field(default_factory=Limits)
    chosen_model: Callable[[str], Awaitable[str | None]] = _nobody_chose


AgentFactory = Callable[[AgentContext], Agent]
"""Builds one agent. Raises AgentFault when its entry is wrong; does no I/O."""
