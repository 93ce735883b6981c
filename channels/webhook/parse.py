"""What a program says, as an InboundMessage. Pure."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from channels.errors import Unparsable
from channels.message import Destination, InboundMessage, JsonObject
from routing.address import Address, Peer

Id = Annotated[str, Field(min_length=1, max_length=256)]


class SpokenTo(BaseModel):
    """A chat as bindings.yaml writes it."""

    model_config = ConfigDict(frozen=True, strict=True)

    kind: Literal["direct", "group", "channel"]
    id: Id


class Said(BaseModel):
    """The body of a request. `peer` is the chat, a plain id meaning a group; None: `sender` speaks with the bot alone.

    `id` is the message's own, the same when it is sent again. Keys that are not known are passed over.
    """

    model_config = ConfigDict(frozen=True, strict=True, hide_input_in_errors=True)

    id: Id
    text: str
    sender: Id
    peer: Id | SpokenTo | None = None
    thread: Id | None = None
    name: str | None = None


class Stored(Said):
    """What is stored of it. `sent_at` is the time that was signed."""

    sent_at: AwareDatetime = Field(strict=False)


def parse_said(raw: JsonObject, account: str) -> InboundMessage | None:
    """None for an empty text. Raises Unparsable."""
    try:
        said = Stored.model_validate(raw)
    except ValidationError as error:
        raise Unparsable(f"nothing that was stored of a webhook ({error.error_count()} faults)") from None
    if not said.text.strip():
        return None
    peer = _peer(said)
    return InboundMessage(
        address=Address("webhook", account, peer, thread=said.thread, sender=said.sender),
        origin=Destination("webhook", account, peer.id, said.thread),
        message_id=said.id,
        text=said.text,
        sender_name=said.name or said.sender,
        sent_at=said.sent_at,
        mentioned=peer.kind == "direct",
    )


def _peer(said: Said) -> Peer:
    match said.peer:
        case None:
            return Peer("direct", said.sender)
        case str():
            return Peer("group", said.peer)
        case _:
            return Peer(said.peer.kind, said.peer.id)
