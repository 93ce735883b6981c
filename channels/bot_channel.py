"""What the chat platforms share on which a bot is one member among people: all that leaves goes through one sender."""

from datetime import datetime

from typing_extensions import Protocol, override

from channels.message import Delivery, Destination, Receipt
from channels.port import Channel, HoldsFiles, ShowsDrafts


class Sender(Protocol):
    """What leaves for one bot account; each method as the channel's of the same name."""

    async def wait_turn(self, destination: Destination) -> None: ...
    async def send(self, delivery: Delivery) -> Receipt: ...
    async def settle(self, delivery: Delivery, since: datetime) -> Receipt: ...
    async def show_draft(self, delivery: Delivery) -> Receipt: ...
    async def show_typing(self, destination: Destination) -> None: ...


class BotChannel(Channel, HoldsFiles, ShowsDrafts, Protocol):
    """The part of a channel that speaks, and shows that it is about to."""

    _sender: Sender
    _streams: bool

    @override
    async def wait_turn(self, destination: Destination) -> None:
        await self._sender.wait_turn(destination)

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        return await self._sender.send(delivery)

    @override
    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:
        return await self._sender.settle(delivery, since)

    @property
    @override
    def streams(self) -> bool:
        return self._streams

    @override
    async def show_draft(self, delivery: Delivery) -> Receipt:
        return await self._sender.show_draft(delivery)

    @override
    async def show_typing(self, destination: Destination) -> None:
        await self._sender.show_typing(destination)
