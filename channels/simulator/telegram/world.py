"""The state of the simulated Telegram, with everyone who must hear of a change."""

from collections.abc import Callable

from channels.simulator.hub import EventHub
from channels.simulator.journal import Journal, Record
from channels.simulator.telegram.state import TelegramState
from channels.simulator.telegram.wire import Wire

Listener = Callable[[str, Wire], None]
"""Called with the kind of an event and what it carries."""


class World:
    """The one way to change `state`: a record is kept, then applied, so that a restart finds the same."""

    def __init__(self, state: TelegramState, journal: Journal, hub: EventHub) -> None:
        self.state = state
        self._journal = journal
        self._hub = hub
        self._listeners: list[Listener] = []

    def record(self, record: Record) -> None:
        self._journal.append(record)
        self.state.apply(record)

    def tell(self, kind: str, wire: Wire) -> None:
        """Let listeners and pages know what happened; nothing of it is kept."""
        for listener in self._listeners:
            listener(kind, wire)
        self._hub.publish(kind, wire)

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)
