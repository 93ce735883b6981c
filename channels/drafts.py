"""How an answer takes the place of the messages that showed its beginning. Pure."""

from collections.abc import Sequence
from typing import Any, Final

from channels.message import Destination, JsonObject, OutboundMessage

DRAFT: Final = "draft"
LEFT_OVER: Final = "left_over"


def with_drafts(
    message: OutboundMessage, payloads: Sequence[dict[str, Any]], most: int | None = None
) -> tuple[dict[str, Any], ...]:
    """The payloads of `message`, each with the draft whose place it takes, and one more for each that is left over.

    `most`: only so many of the payloads, from the first, can take a draft's place; None: all of them.
    """
    chat, drafts = message.destination.chat, message.drafts
    taking = payloads[:most]
    for payload, draft in zip(taking, drafts, strict=False):
        payload[DRAFT] = {"chat": chat, "message": draft}
    return *payloads, *({LEFT_OVER: {"chat": chat, "message": draft}} for draft in drafts[len(taking) :])


def draft_of(payload: JsonObject, destination: Destination, key: str = DRAFT) -> str | None:
    """The message whose place the payload takes (LEFT_OVER: that goes away); None where there is none in that chat: one
    that has moved numbers its messages anew."""
    draft = payload.get(key)
    return str(draft["message"]) if draft and draft["chat"] == destination.chat else None
