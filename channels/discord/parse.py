"""A stored event of Discord as an InboundMessage. Pure."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

from discord.utils import snowflake_time
from pydantic import BaseModel, ValidationError

from channels.discord.events import NOTE
from channels.discord.reply_token import ReplyToken
from channels.discord.wire import Data, File, Interaction, Member, Message, Note, ReferencedMessage, User
from channels.errors import Unparsable
from channels.message import Attachment, Destination, InboundMessage, JsonObject, Quoted
from routing.address import Address, Peer

DEFAULT, REPLY = 0, 19  # https://discord.com/developers/docs/resources/message#message-object-message-types
COMMAND, PRESS, AUTOCOMPLETE = 2, 3, 4  # …/interactions/receiving-and-responding#interaction-object-interaction-type
THREADS: Final = frozenset({10, 11, 12})  # …/resources/channel#channel-object-channel-types
FORWARD: Final = 1
GREATEST_ID: Final = 2**63
_AFTER_MENTION: Final = " \t\r\n,:，：、"

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Me:
    """Who the bot is: its account here, the id of its user, its name."""

    account: str
    user_id: str
    username: str


def parse_event(raw: JsonObject, me: Me) -> InboundMessage | None:
    """None for what says nothing to the bot: system messages, its own words, edits that only unfold a link.

    Raises Unparsable.
    """
    note = _read(Note, raw.get(NOTE, {}))
    match raw:
        case {"t": "MESSAGE_CREATE" | "MESSAGE_UPDATE" as event, "d": data}:
            return _message(_read(Message, data), note, me, is_edit=event == "MESSAGE_UPDATE")
        case {"t": "INTERACTION_CREATE", "d": data}:
            return _interaction(_read(Interaction, data), note, me)
        case _:
            return None


def _read(model: type[M], data: Any) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise Unparsable(f"not an event of Discord: {place}: {fault['msg']}") from None


def _message(message: Message, note: Note, me: Me, *, is_edit: bool) -> InboundMessage | None:
    author = message.author
    text, attachments = _content(message)
    if message.type not in {DEFAULT, REPLY} or author.id == me.user_id or (is_edit and not message.edited_timestamp):
        return None
    if not text and not attachments:
        return None
    answers = message.type == REPLY and message.message_reference is not None
    answered = message.referenced_message if answers else None
    to_bot = answered is not None and answered.author.id == me.user_id
    named = any(user.id == me.user_id for user in message.mentions) or note.own_role in message.mention_roles
    thread = message.channel_id if note.parent else None
    peer = _peer(message.guild_id, note.parent or message.channel_id, author)
    return InboundMessage(
        address=_address(me, peer, thread, message.guild_id, message.member, author),
        origin=Destination("discord", me.account, note.parent or message.channel_id, thread),
        message_id=message.id,
        text=_without_mention(text, me, note),
        sender_name=_name(message.member, author),
        sent_at=message.timestamp,
        kind="edit" if is_edit else "message",
        mentioned=named or to_bot or message.guild_id is None,
        reply_to=message.message_reference.message_id if answers and message.message_reference else None,
        sender_is_bot=author.bot or message.webhook_id is not None,
        attachments=tuple(_attachments(attachments)),
        quoted=None if to_bot or answered is None else _quoted(answered),
    )


def _quoted(message: ReferencedMessage) -> Quoted | None:
    attachments = tuple(_attachments(message.attachments))
    is_bot = message.author.bot or message.webhook_id is not None
    return Quoted(attachments, message.author.id, is_bot) if attachments else None


def _content(message: Message) -> tuple[str, list[File]]:
    """Text and files, of the message or, where it forwards another one, of that."""
    text, files = message.content, message.attachments
    if message.message_reference is not None and message.message_reference.type == FORWARD:
        for snapshot in message.message_snapshots:
            text = text or snapshot.message.content
            files = files or snapshot.message.attachments
    return text.strip(), files


def _interaction(interaction: Interaction, note: Note, me: Me) -> InboundMessage | None:
    person = interaction.member.user if interaction.member else interaction.user
    text = _words(interaction.type, interaction.data)
    if person is None or text is None:
        return None
    if int(interaction.id) >= GREATEST_ID:
        raise Unparsable("not an event of Discord: id: not a snowflake")
    is_press = interaction.type == PRESS
    place = interaction.channel
    is_thread = place is not None and place.type in THREADS and place.parent_id is not None
    parent = place.parent_id if place is not None and is_thread else note.parent
    thread = interaction.channel_id if parent else None
    peer = _peer(interaction.guild_id, parent or interaction.channel_id, person)
    token = ReplyToken(
        interaction.application_id, interaction.token, private=note.private and bool(interaction.guild_id)
    )
    return InboundMessage(
        address=_address(me, peer, thread, interaction.guild_id, interaction.member, person),
        origin=Destination("discord", me.account, parent or interaction.channel_id, thread),
        message_id=interaction.id,
        text=text,
        sender_name=_name(interaction.member, person),
        sent_at=snowflake_time(int(interaction.id)),
        kind="button" if is_press else "message",
        mentioned=True,
        language=interaction.locale,
        reply_to=interaction.message.id if interaction.message else None,
        sender_is_bot=person.bot,
        # An answer by token would take the place of the message that the button stands under.
        reply_token=None if is_press else str(token),
    )


def _words(kind: int, data: Data | None) -> str | None:
    """What was asked, as somebody would have typed it; None for what the bot never offered."""
    if data is None:
        return None
    if kind == PRESS:
        return data.custom_id
    if kind not in {COMMAND, AUTOCOMPLETE} or data.name is None:
        return None
    values = [option.value for option in data.options if isinstance(option.value, str)]
    return " ".join([f"/{data.name}", *values])


def _peer(guild: str | None, channel: str, person: User) -> Peer:
    return Peer("direct", person.id) if guild is None else Peer("channel", channel)


def _address(me: Me, peer: Peer, thread: str | None, guild: str | None, member: Member | None, person: User) -> Address:
    roles = frozenset(member.roles if member and guild else ())
    return Address("discord", me.account, peer, thread=thread, guild=guild, roles=roles, sender=person.id)


def _without_mention(text: str, me: Me, note: Note) -> str:
    """`text` without the mention of the bot, or of the role that is its own, that opens it."""
    aims = rf"<@!?{me.user_id}>" + (rf"|<@&{note.own_role}>" if note.own_role else "")
    found = re.match(aims, text)
    return text[found.end() :].lstrip(_AFTER_MENTION) if found else text


def _name(member: Member | None, person: User) -> str:
    return (member.nick if member else None) or person.global_name or person.username or person.id


def _attachments(files: Iterable[File]) -> Iterator[Attachment]:
    for file in files:
        yield Attachment(_kind(file.content_type or ""), file.filename, file.content_type, file.size, file.url)


def _kind(media_type: str) -> Literal["image", "document", "audio", "video"]:
    for kind in ("image", "audio", "video"):
        if media_type.startswith(f"{kind}/"):
            return kind
    return "document"
