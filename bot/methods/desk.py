"""What the methods work on: the stores, and the running bot where there is one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol

from typing_extensions import override

from bot.agents.port import Agent
from bot.bindings_file import BindingsStore
from bot.events import Events
from bot.heartbeat.checks import Verdict
from bot.methods.failure import UNAVAILABLE, MethodFailed
from bot.providers.models import Models
from bot.settings.model import Settings
from bot.stores import Stores
from channels.web.parse import Said
from routing.entries import AgentEntry
from routing.lint import IdProblem
from routing.table import Table


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One account as its host knows it. `identity` None while it is not open."""

    channel: str
    account: str
    state: str
    identity: str | None
    notes: Sequence[str]


class ResultCache(Protocol):
    """Results of tasks' attempts that have ended, as `tasks.get` answers them. It may forget anything at any time."""

    async def find(self, task_id: str, attempt: int) -> dict[str, Any] | None:
        """None: not kept, or out of reach."""
        ...

    def keep(self, task_id: str, attempt: int, result: dict[str, Any]) -> None: ...


class Live(Protocol):
    """The bot that runs in this process."""

    @property
    def events(self) -> Events: ...

    @property
    def agents(self) -> Mapping[str, Agent]:
        """Those in force, by their ids."""
        ...

    @property
    def webhook_address(self) -> str | None:
        """Where the webhook listener listens; None where there is none."""
        ...

    def channels(self) -> Sequence[ChannelState]: ...

    def trouble(self) -> Sequence[str]:
        """What is wrong right now, a few words each; empty: all is well. Tells nothing that is secret."""
        ...

    def binding_faults(self) -> Sequence[str]:
        """What is wrong with bindings.yaml as it stands; empty: it is in force."""
        ...

    async def bindings_saved(self) -> None:
        """Bring bindings.yaml, which was just written, into force."""
        ...

    async def say(self, said: Said) -> None:
        """Put a client's words on the road, once. Raises MethodFailed, StorageError."""
        ...

    def task_queued(self) -> None: ...

    def task_cancelled(self, task_id: str) -> None: ...

    def jobs_changed(self) -> None: ...

    @property
    def cache(self) -> ResultCache | None: ...

    @property
    def heartbeats(self) -> "LiveHeartbeats": ...


class LiveHeartbeats(Protocol):
    """The heartbeats of the bot that runs in this process, by agent."""

    async def look(self) -> Mapping[str, Verdict]:
        """Whether each would run now, and why not."""
        ...

    async def wake(self, agent: str | None) -> Mapping[str, Verdict]:
        """Let them run now, whatever the interval; None: all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(Stores):
    """The stores, and what is in force. `table` gives the bindings, `entries` their agents.

    `id_problem` says why a platform's id cannot occur, None where it can. `running` None: no bot runs in this process
    (the command line).
    """

    settings: Settings
    table: Callable[[], Table]
    entries: Callable[[], Sequence[AgentEntry]]
    id_problem: IdProblem
    bindings: BindingsStore | None = None
    running: Live | None = None
    models: Models | None = None

    @classmethod
    def at(cls, stores: Stores, **others: Any) -> "Desk":
        """A desk with all of `stores`."""
        return cls(**{each.name: getattr(stores, each.name) for each in fields(Stores)}, **others)

    @property
    def live(self) -> Live:
        """Raises MethodFailed where no bot runs."""
        if self.running is None:
            raise MethodFailed(UNAVAILABLE, "no bot is running here: start it with javis run")
        return self.running


class Caller(Protocol):
    """Who calls: one connection, or one request. `name` is the token's, None without one."""

    @property
    def name(self) -> str | None: ...

    def join(self, session_key: str) -> None:
        """Send the events of this session from now on. No effect on a plain request."""
        ...

    def identify(self, token: str | None, sessions: Sequence[str], since: int | None) -> Mapping[str, Any]:
        """Let the caller in with `token`, send the events of `sessions` from now on, and repeat those after `since`.
        Raises MethodFailed."""
        ...


class CommandLine(Caller):
    """The owner at the terminal."""

    @property
    @override
    def name(self) -> str | None:
        return "cli"

    @override
    def join(self, session_key: str) -> None:
        """A terminal hears no events."""

    @override
    def identify(self, token: str | None, sessions: Sequence[str], since: int | None) -> Mapping[str, Any]:
        return {"name": self.name}
