"""A typed line as an InboundMessage. Pure."""

from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from channels.errors import Unparsable
from channels.message import Destination, InboundMessage, JsonObject
from routing.address import Address, Peer


class Line(BaseModel):
    """What is stored of a line. `sender` is the user id on this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str
    text: str
    sender: str
    name: str
    sent_at: AwareDatetime


def parse_line(raw: JsonObject, account: str) -> InboundMessage | None:
    """None for an empty line. Raises Unparsable."""
    try:
        line = Line.model_validate(raw)
    except ValidationError as error:
        raise Unparsable(f"not a line of the terminal ({error.error_count()} faults)") from None
    if not line.text.strip():
        return None
    sent_at: datetime = line.sent_at
    return InboundMessage(
        address=Address("cli", account, Peer("direct", line.sender), sender=line.sender),
        origin=Destination("cli", account, line.sender),
        message_id=line.id,
        text=line.text,
        sender_name=line.name,
        sent_at=sent_at,
        mentioned=True,
    )
