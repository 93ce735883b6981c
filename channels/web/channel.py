"""The chat over the gateway's WebSocket. The gateway puts in what clients say and carries out what is sent."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from typing_extensions import override

from channels.awaiting import AwaitingChannel
from channels.capabilities import Capabilities
from channels.data_url import read_data_url
from channels.errors import NotSent
from channels.for_programs import render_message
from channels.message import Attachment, Delivery, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import Channel, ChannelContext, HoldsFiles, Publish
from channels.web.parse import Said, parse_said, raw_update

CAPABILITIES: Final = Capabilities(text_limit=None, text_unit="characters", markup="markdown", buttons=True)


@asynccontextmanager
async def open_web(context: ChannelContext) -> AsyncIterator[Channel]:
    yield WebChannel(context.account, context.publish)


class WebChannel(AwaitingChannel, HoldsFiles):
    """Takes what `say` is told, and publishes what it is to send."""

    capabilities = CAPABILITIES

    def __init__(self, account: str, publish: Publish) -> None:
        self._account = account
        self._publish = publish

    @property
    @override
    def identity(self) -> str:
        return "the gateway"

    async def say(self, said: Said) -> None:
        """Return when it is on disk. Raises NotSent while the bot takes nothing, and what the inbox raises."""
        if self._inbox is None:
            raise NotSent("the bot takes no messages right now: try again in a moment")
        await self._inbox.store([raw_update(said)])

    @override
    def parse(self, raw: JsonObject) -> InboundMessage | None:
        return parse_said(raw, self._account)

    @override
    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes | None:
        content = read_data_url(attachment.reference)
        return None if content is None else content[:most_bytes]

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
