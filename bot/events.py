"""What happens, told to those who listen at this moment: the gateway's clients.

Events are transient: what must arrive goes through the outbox. The newest stay in memory for a while, so that a client
whose connection broke can read on where it stopped.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from channels.clock import Clock, unix_ms
from channels.message import JsonObject

KEPT: Final = 10_000
MOST_UNREAD: Final = 1_000  # of one listener; who reads more slowly is let go and reads on by `since`


@dataclass(frozen=True, slots=True)
class Event:
    """One event. `seq` rises with each, also over restarts; `session_key` None concerns no single session."""

    seq: int
    type: str
    session_key: str | None
    data: JsonObject


class Listener:
    """What one client has not read yet."""

    def __init__(self, wants: Callable[[Event], bool]) -> None:
        self._wants = wants
        self._unread: deque[Event] = deque()
        self._something = asyncio.Event()
        self.overrun = False

    async def read(self) -> Sequence[Event]:
        """The next events, at least one. Empty once the listener was too slow (`overrun`)."""
        await self._something.wait()
        self._something.clear()
        events = [] if self.overrun else list(self._unread)
        self._unread.clear()
        return events

    def repeat(self, events: Sequence[Event]) -> None:
        """Let it read older events first."""
        self._unread.extendleft(reversed(events))
        if events:
            self._something.set()

    def offer(self, event: Event) -> None:
        """Called by Events."""
        if self.overrun or not self._wants(event):
            return
        self._unread.append(event)
        self.overrun = len(self._unread) > MOST_UNREAD
        self._something.set()


class Events:
    """Publishes to every listener. Not for threads."""

    def __init__(self, clock: Clock) -> None:
        # Beginning at the time keeps numbers rising over restarts: nobody publishes a million events a second.
        self._seq = unix_ms(clock.now()) * 1000
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._listeners: set[Listener] = set()
        self.tell_others: Callable[[str], None] | None = None
        """Carries each event to the other machines, which `hear` it; None where there are none."""

    @property
    def newest_seq(self) -> int:
        """The number of the newest event, or a number below that of the first."""
        return self._seq

    @property
    def is_heard(self) -> bool:
        """False while nobody listens: what costs much to publish need not be."""
        return bool(self._listeners) or self.tell_others is not None

    def publish(self, event_type: str, session_key: str | None, data: JsonObject) -> None:
        """Tell all that listen. Never waits, never raises."""
        self._publish_here(event_type, session_key, data)
        if self.tell_others is not None:
            self.tell_others(json.dumps([event_type, session_key, data], ensure_ascii=False))

    def hear(self, text: str) -> None:
        """Publish an event of another machine here; each machine numbers for itself."""
        event_type, session_key, data = json.loads(text)
        self._publish_here(event_type, session_key, data)

    def _publish_here(self, event_type: str, session_key: str | None, data: JsonObject) -> None:
        self._seq += 1
        event = Event(self._seq, event_type, session_key, data)
        self._kept.append(event)
        for listener in self._listeners:
            listener.offer(event)

    def since(self, seq: int) -> Sequence[Event] | None:
        """The events after `seq`, in order; None when some are no longer kept, or another process told `seq`."""
        if not self._seq - len(self._kept) <= seq <= self._seq:
            return None
        return [event for event in self._kept if event.seq > seq]

    @contextmanager
    def listen(self, wants: Callable[[Event], bool]) -> Iterator[Listener]:
        """Hear what `wants` says yes to, from now until the block ends."""
        listener = Listener(wants)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
