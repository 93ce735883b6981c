"""From what the bot says to rows of the outbox: rendered and split by the channel, one row a part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.delivery.item import Kind, OutboxItem, Source, make_items
from bot.delivery.store import OutboxStore
from bot.delivery.worker import DeliveryWorker
from bot.storage.port import Statement
from channels.clock import Clock
from channels.message import Destination, OutboundMessage
from channels.port import Channel


@dataclass(frozen=True, slots=True)
class Queued:
    """Rows to be, and the statements that make them. `Outgoing.leave` is told after the commit."""

    items: Sequence[OutboxItem]
    statements: Sequence[Statement]


NOTHING: Final = Queued((), ())


class Outgoing:
    """Queues messages on the channels that are open."""

    def __init__(self, store: OutboxStore, worker: DeliveryWorker, clock: Clock) -> None:
        self._store = store
        self._worker = worker
        self._clock = clock
        self._channels: dict[tuple[str, str], Channel] = {}

    def opened(self, name: str, account: str, channel: Channel) -> None:
        self._channels[name, account] = channel

    def closed(self, name: str, account: str) -> None:
        self._channels.pop((name, account), None)

    def channel(self, destination: Destination) -> Channel | None:
        """The open channel of a destination; None while it is closed."""
        return self._channels.get((destination.channel, destination.account))

    def queue(self, channel: Channel, message: OutboundMessage, kind: Kind, source: Source, language: str) -> Queued:
        """`message` as rows; nothing leaves before the statements are committed."""
        return self.queue_items(
            make_items(
                destination=message.destination,
                kind=kind,
                source=source,
                language=language,
                payloads=channel.render(message),
                now=self._clock.now(),
            )
        )

    def queue_items(self, items: Sequence[OutboxItem]) -> Queued:
        """The same for rows that need no channel to render them."""
        return Queued(items, self._store.enqueue(items))

    def leave(self, queued: Queued) -> None:
        """The rows are on disk: send them now."""
        self._worker.wake(queued.items)
