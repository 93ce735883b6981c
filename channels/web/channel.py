"""The chat over the gateway's WebSocket. The gateway puts in what clients say and carries out what is sent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from typing_extensions import override

from channels.capabilities import Capabilities
from channels.errors import NotSent
from channels.message import Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import Channel, ChannelContext, CommandCard, Inbox, Publish, RawUpdate
from channels.web.parse import Said, parse_said
from channels.web.render import render_message

CAPABILITIES: Final = Capabilities(text_limit=None, text_unit="characters", markup="markdown", buttons=True)


@asynccontextmanager
async def open_web(context: ChannelContext) -> AsyncIterator[Channel]:
    yield WebChannel(context.account, context.publish)


class WebChannel(Channel):
    """Takes what `say` is told, and publishes what it is to send."""

    def __init__(self, account: str, publish: Publish) -> None:
        self._account = account
        self._publish = publish
        self._inbox: Inbox | None = None

    @property
    @override
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    @override
    def identity(self) -> str:
        return "the gateway"

    @property
    @override
    def notes(self) -> Sequence[str]:
        return ()

    @override
    async def receive(self, inbox: Inbox) -> None:
        """Nothing comes by itself: from now on `say` has a place to put things."""
        self._inbox = inbox
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._inbox = None

    @property
    def is_open(self) -> bool:
        """Whether `say` has a place to put things."""
        return self._inbox is not None

    async def say(self, said: Said) -> None:
        """Return when it is on disk. Raises NotSent while the bot takes nothing, and what the inbox raises."""
        if self._inbox is None:
            raise NotSent("the bot takes no messages right now: try again in a moment")
        await self._inbox.store([RawUpdate(said.id, said.model_dump_json())])

    @override
    def parse(self, raw: JsonObject) -> InboundMessage | None:
        return parse_said(raw, self._account)

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return render_message(message)

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        """Published is sent: who was away reads the transcript, and the events that are still kept."""
        text = delivery.payload["text"]
        labelled = f"{delivery.label}\n{text}" if delivery.label else text
        self._publish(
            "chat.message", delivery.destination.chat, {**delivery.payload, "text": labelled, "id": delivery.id}
        )
        return Receipt(delivery.id)

    @override
    async def show_typing(self, destination: Destination) -> None:
        return

    @override
    async def acknowledge_press(self, raw: JsonObject) -> None:
        return

    @override
    async def publish_commands(self, commands: Sequence[CommandCard]) -> None:
        return
