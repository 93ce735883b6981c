"""What a client of the gateway says, as an InboundMessage. Pure."""

from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from channels.errors import Unparsable
from channels.message import Attachment, Destination, InboundMessage, JsonObject
from channels.port import RawUpdate
from routing.address import Address, Peer
from routing.errors import InvalidSessionKey
from routing.session_key import parse_session_key

WEB_ACCOUNT: Final = "default"


class Said(BaseModel):
    """What is stored. The gateway has let the speaker in and found the session before. `id` is the client's own, and
    tells messages of one session apart. `images` are data URLs."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str
    text: str
    session_key: str
    sender: str
    name: str
    is_direct: bool
    language: str | None
    said_at: AwareDatetime
    images: tuple[str, ...] = ()


def raw_update(said: Said) -> RawUpdate:
    """As the inbox keeps it: what is said twice under one id in one session is there once."""
    return RawUpdate(f"{said.session_key}:{said.id}", said.model_dump_json())


def parse_said(raw: JsonObject, account: str) -> InboundMessage | None:
    """None for an empty text. Raises Unparsable. The chat is the session: answers and notices find it by its key."""
    try:
        said = Said.model_validate(raw)
        key = str(parse_session_key(said.session_key))
    except ValidationError as error:
        raise Unparsable(f"nothing that the gateway stored ({error.error_count()} faults)") from None
    except InvalidSessionKey as error:
        raise Unparsable(str(error)) from None
    if not said.text.strip() or not said.sender:
        return None
    peer = Peer("direct", said.sender) if said.is_direct else Peer("group", key)
    return InboundMessage(
        address=Address("web", account, peer, sender=said.sender),
        origin=Destination("web", account, key),
        message_id=said.id,
        text=said.text,
        sender_name=said.name,
        sent_at=said.said_at,
        mentioned=True,
        language=said.language,
        session_key=key,
        attachments=tuple(_image(number, url) for number, url in enumerate(said.images, 1)),
    )


def _image(number: int, url: str) -> Attachment:
    media_type = url.partition(";")[0].removeprefix("data:")
    size_bytes = len(url.partition(",")[2].rstrip("=")) * 3 // 4
    return Attachment("image", f"image-{number}", media_type, size_bytes, url)
