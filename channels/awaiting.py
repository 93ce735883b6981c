"""What the channels share to which others bring what is said: nothing comes by itself."""

import asyncio

from typing_extensions import Protocol, override

from channels.port import Channel, Inbox


class AwaitingChannel(Channel, Protocol):
    """The part of a channel that receives."""

    _inbox: Inbox | None = None

    @override
    async def receive(self, inbox: Inbox) -> None:
        """From now on there is a place to put what is brought."""
        self._inbox = inbox
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._inbox = None

    @property
    def is_open(self) -> bool:
        """Whether there is a place to put what is brought."""
        return self._inbox is not None
