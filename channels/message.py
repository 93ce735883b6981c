"""The words between platforms and the bot: what came in, what goes out, what the platform answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from routing.address import Address

JsonObject = Mapping[str, Any]
"""A JSON object as `json.loads` gives it; it never leaves the edge unparsed."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an answer goes. Platform ids as text; `thread` None means the chat itself.

    Rows to one (channel, account, chat) keep their order.
    """

    channel: str
    account: str
    chat: str
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a message. `reference` is the platform's handle to fetch it; size in bytes, if told."""

    kind: Literal["image", "document", "audio", "video"]
    name: str
    media_type: str | None
    size_bytes: int | None
    reference: str


@dataclass(frozen=True, slots=True)
class Quoted:
    """The files of a message that is answered, and who sent them; None: the platform does not say."""

    attachments: tuple[Attachment, ...]
    sender: str | None
    sender_is_bot: bool = False


InboundKind = Literal["message", "edit", "button"]


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One thing a person said, in any channel.

    `message_id` is unique within the chat. `text` is what was written, without the mention of the bot that opened
    it. `mentioned` is true where the platform says that the bot was meant (direct chat, @bot, reply to the bot,
    a command). `language` is the IETF tag that the platform gives for the sender, None when it gives none.
    `reply_to` is the message that this one answers. `sender_is_bot` marks another bot's words. `reply_token` is what
    an answer needs, beside `message_id`, to reach the asker; only its channel reads it, and it may expire.
    `session_key` is the session that an authorised client asked for; None: the bindings decide. `quoted` are files of
    the message that this one answers; None: it has none, or they are the bot's own. `album` is the same for messages
    that were sent together as one.
    """

    address: Address
    origin: Destination
    message_id: str
    text: str
    sender_name: str
    sent_at: datetime
    kind: InboundKind = "message"
    mentioned: bool = False
    language: str | None = None
    reply_to: str | None = None
    sender_is_bot: bool = False
    attachments: tuple[Attachment, ...] = ()
    reply_token: str | None = None
    session_key: str | None = None
    quoted: Quoted | None = None
    album: str | None = None


@dataclass(frozen=True, slots=True)
class ChatChange:
    """What happened to the bot's place in `chat`, told by the platform itself.

    `added`: the bot may speak there (again); `by` is who added it, None when the platform does not say. `removed`: it
    was thrown out or blocked. `moved`: the chat lives at `new_chat` now.
    """

    kind: Literal["added", "removed", "moved"]
    chat: Destination
    by: str | None = None
    new_chat: str | None = None


@dataclass(frozen=True, slots=True)
class Button:
    """A button under a message; pressing it comes back as an InboundMessage of kind `button` with `command` as text.

    `command` has at most 64 bytes (https://core.telegram.org/bots/api#inlinekeyboardbutton).
    """

    label: str
    command: str


TextFormat = Literal["markdown", "plain"]


@dataclass(frozen=True, slots=True)
class OutboundMessage:
    """What the bot says, before a channel renders and splits it.

    `format` tells how `text` is written: `markdown` is rendered to the platform's form, `plain` is shown as it is.
    `reply_token` is that of the message that is answered; what comes later (a notice) has none.

    `drafts` are the messages, as their receipts named them, that show the beginning of it already: the parts take their
    places, in order, and those that are left over go away. `unfinished` marks such a beginning, which is still written.
    """

    destination: Destination
    text: str
    format: TextFormat = "plain"
    reply_to: str | None = None
    buttons: tuple[Button, ...] = ()
    reply_token: str | None = None
    drafts: tuple[str, ...] = ()
    unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One rendered part on its way out.

    `id` is the outbox id (24 hex digits), the same at each attempt, fit for a platform's nonce. `payload` is what
    the same channel's `render` made. `label` is a line to show above the text (a possible duplicate); None: none.
    """

    id: str
    destination: Destination
    payload: JsonObject
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """The platform took the part; `message_id` is what it calls it, None where it has no name for it."""

    message_id: str | None
    details: JsonObject = field(default_factory=dict)
