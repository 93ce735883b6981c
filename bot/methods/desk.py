"""What the methods work on: the stores, and the running bot where there is one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from typing_extensions import override

from bot.delivery.store import OutboxStore
from bot.events import Events
from bot.methods.failure import UNAVAILABLE, MethodFailed
from bot.pairing import PairingStore
from bot.sessions.store import SessionStore
from bot.settings.model import Settings
from bot.storage.port import Storage
from bot.tasks.store import TaskStore
from channels.clock import Clock
from channels.web.parse import Said
from routing.table import Table


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One account as its host knows it. `identity` None while it is not open."""

    channel: str
    account: str
    state: str
    identity: str | None
    notes: Sequence[str]


class Live(Protocol):
    """The bot that runs in this process."""

    @property
    def events(self) -> Events: ...

    @property
    def agents(self) -> Collection[str]:
        """Their ids."""
        ...

    def channels(self) -> Sequence[ChannelState]: ...

    def trouble(self) -> Sequence[str]:
        """What is wrong right now, a few words each; empty: all is well. Tells nothing that is secret."""
        ...

    async def say(self, said: Said) -> None:
        """Put a client's words on the road, once. Raises MethodFailed, StorageError."""
        ...

    def task_queued(self) -> None: ...

    def task_cancelled(self, task_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """`table` gives the bindings in force. `running` None: no bot runs in this process (the command line)."""

    storage: Storage
    clock: Clock
    settings: Settings
    tasks: TaskStore
    outbox: OutboxStore
    sessions: SessionStore
    pairings: PairingStore
    table: Callable[[], Table]
    running: Live | None = None

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

    def identify(self, token: str | None, since: int | None) -> Mapping[str, Any]:
        """Let the caller in with `token`, and repeat the events after `since`. Raises MethodFailed."""
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
    def identify(self, token: str | None, since: int | None) -> Mapping[str, Any]:
        return {"name": self.name}
