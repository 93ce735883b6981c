"""The state of a simulated platform, with everyone who must hear of a change."""

from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from channels.simulator.journal import Journal, Record

Listener = Callable[[str, dict[str, Any]], None]
"""Called with the kind of an event and what it carries."""


class State(Protocol):
    def apply(self, record: Record) -> None:
        """Change as `record` says."""
        ...


S = TypeVar("S", bound=State)


class World(Generic[S]):
    """The one way to change `state`: a record is kept, then applied, so that a restart finds the same."""

    def __init__(self, state: S, journal: Journal, publish: Listener) -> None:
        self.state = state
        self._journal = journal
        self._publish = publish
        self._listeners: list[Listener] = []

    def record(self, record: Record) -> None:
        self._journal.append(record)
        self.state.apply(record)

    def tell(self, kind: str, wire: dict[str, Any]) -> None:
        """Let listeners and pages know what happened; nothing of it is kept."""
        for listener in self._listeners:
            listener(kind, wire)
        self._publish(kind, wire)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)
