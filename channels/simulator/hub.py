"""Events for whoever watches the simulator: pages, and nothing when no page is open."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

QUEUE_LIMIT: Final = 2000


@dataclass(frozen=True, slots=True)
class Event:
    """`kind` names what happened; `data` is JSON."""

    kind: str
    data: dict[str, Any]


class EventHub:
    """Every watcher has a queue of its own; one that falls too far behind is told to look at everything anew."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[Event | None]] = set()

    def publish(self, kind: str, data: dict[str, Any]) -> None:
        for queue in self._queues:
            if queue.qsize() < QUEUE_LIMIT:
                queue.put_nowait(Event(kind, data))
            elif queue.qsize() == QUEUE_LIMIT:
                queue.put_nowait(Event("reload", {}))

    @contextmanager
    def watch(self) -> Iterator[asyncio.Queue[Event | None]]:
        """A queue of the events from now on; None is the last one."""
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        for queue in self._queues:
            queue.put_nowait(None)
