"""A Telegram update as an InboundMessage. Pure.

The update is read by small pydantic models instead of the library's `Update.de_json`, which takes about 100 µs and
lets values of a wrong type through; these take a fifth and refuse.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import ValidationError

from channels.errors import Unparsable
from channels.message import Attachment, ChatChange, Destination, InboundKind, InboundMessage, JsonObject, Quoted
from channels.telegram.wire import (
    CallbackQuery,
    Chat,
    ChatMemberUpdated,
    Entity,
    File,
    Message,
    RepliedTo,
    Update,
    User,
)
from channels.utf16 import utf16_slice
from routing.address import Address, Peer, PeerKind

Aim = Literal["bot", "another bot", "anyone"]
_KINDS: Final[Mapping[str, PeerKind]] = {
    "private": "direct", "group": "group", "supergroup": "group", "channel": "channel",
}  # fmt: skip
_AIMED: Final = frozenset({"mention", "text_mention", "bot_command"})
_AFTER_MENTION: Final = " \t\r\n,:，：、"


@dataclass(frozen=True, slots=True)
class Me:
    """Who the bot is: its account here, its user id, its name without the @."""

    account: str
    user_id: int
    username: str


def parse_update(raw: JsonObject, me: Me) -> InboundMessage | ChatChange | None:
    """None for what says nothing to the bot: service messages, its own words, commands for another bot.

    A pressed button bears id and date of the message it stands under; that message is also its `reply_to`.
    Raises Unparsable.
    """
    try:
        update = Update.model_validate(raw)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise Unparsable(f"not an update of Telegram: {place}: {fault['msg']}") from None
    if update.my_chat_member is not None:
        return _membership(update.my_chat_member, me)
    if update.message is not None and update.message.migrate_to_chat_id is not None:
        return ChatChange("moved", _origin(update.message, me), new_chat=str(update.message.migrate_to_chat_id))
    if update.message is not None:
        return _message(update.message, "message", me)
    if update.edited_message is not None:
        return _message(update.edited_message, "edit", me)
    if update.callback_query is not None:
        return _press(update.callback_query, me)
    return None


def _message(message: Message, kind: InboundKind, me: Me) -> InboundMessage | None:
    # Who speaks for a chat (an anonymous administrator, a channel) is nobody whom the gate could know.
    sender = None if message.sender_chat else message.from_
    attachments = tuple(_attachments(message))
    read = _read(message, me)
    if (read is None and not attachments) or (sender is not None and sender.id == me.user_id):
        return None
    text, aim = read or ("", "anyone")
    if aim == "another bot" and message.chat.type != "private":
        return None
    replied_to = _replied_to(message)
    to_bot = replied_to is not None and replied_to.from_ is not None and replied_to.from_.id == me.user_id
    return InboundMessage(
        address=_address(message, sender, me),
        origin=_origin(message, me),
        message_id=str(message.message_id),
        text=text,
        sender_name=_name(sender, message.sender_chat),
        sent_at=datetime.fromtimestamp(message.date, UTC),
        kind=kind,
        mentioned=aim == "bot" or to_bot or message.chat.type == "private",
        language=sender.language_code if sender else None,
        reply_to=str(replied_to.message_id) if replied_to else None,
        sender_is_bot=sender is not None and sender.is_bot,
        attachments=attachments,
        album=message.media_group_id,
        quoted=None if to_bot or replied_to is None else _quoted(replied_to),
    )


def _membership(update: ChatMemberUpdated, me: Me) -> ChatChange:
    """https://core.telegram.org/bots/api#chatmember: who is `restricted` may be a member or not."""
    member = update.new_chat_member
    gone = member.status in {"left", "kicked"} or (member.status == "restricted" and member.is_member is False)
    chat = Destination("telegram", me.account, str(update.chat.id))
    return ChatChange("removed" if gone else "added", chat, by=str(update.from_.id))


def _press(query: CallbackQuery, me: Me) -> InboundMessage | None:
    message = query.message
    if message is None or query.data is None:  # under an inline message, or a game
        return None
    return InboundMessage(
        address=_address(message, query.from_, me),
        origin=_origin(message, me),
        message_id=str(message.message_id),
        text=query.data,
        sender_name=_name(query.from_, None),
        sent_at=datetime.fromtimestamp(message.date, UTC),
        kind="button",
        mentioned=True,
        language=query.from_.language_code,
        reply_to=str(message.message_id),
        sender_is_bot=query.from_.is_bot,
    )


def _address(message: Message, sender: User | None, me: Me) -> Address:
    peer = Peer(_KINDS[message.chat.type], str(message.chat.id))  # a private chat bears the other person's id
    return Address("telegram", me.account, peer, thread=_thread(message), sender=str(sender.id) if sender else None)


def _origin(message: Message, me: Me) -> Destination:
    return Destination("telegram", me.account, str(message.chat.id), _thread(message))


def _thread(message: Message) -> str | None:
    """Replies outside topics and messages in General bear a thread id that no message may be sent to."""
    topic = message.message_thread_id if message.is_topic_message else None
    return None if topic is None else str(topic)


def _replied_to(message: Message) -> RepliedTo | None:
    """In a topic, what answers nothing is given out as an answer to the message that made the topic."""
    replied_to = message.reply_to_message
    if replied_to is None or (message.is_topic_message and replied_to.message_id == message.message_thread_id):
        return None
    return replied_to


def _read(message: Message, me: Me) -> tuple[str, Aim] | None:
    """The text without the mention that opens it, and whom it is aimed at; None when nothing was written."""
    if message.text is not None:
        text, entities = message.text, message.entities
    elif message.caption is not None:
        text, entities = message.caption, message.caption_entities
    else:
        return None
    aim: Aim = "anyone"
    for entity in entities:
        if entity.type not in _AIMED:
            continue
        words = utf16_slice(text, entity.offset, entity.length)
        found = _aim(entity, words, me)
        if entity.offset > 0:
            aim = "bot" if found == "bot" and entity.type != "bot_command" else aim
        elif found == "bot":
            command = words.partition("@")[0] if entity.type == "bot_command" else ""
            return command + text[len(words) :].lstrip("" if command else _AFTER_MENTION), "bot"
        else:
            aim = found
    return text, aim


def _aim(entity: Entity, words: str, me: Me) -> Aim:
    """Whom a mention or a command means; one without a name means the bot."""
    if entity.type == "text_mention":
        return "bot" if entity.user is not None and entity.user.id == me.user_id else "anyone"
    name = words.partition("@")[2]
    if name.lower() == me.username.lower() or (entity.type == "bot_command" and not name):
        return "bot"
    return "another bot" if entity.type == "bot_command" else "anyone"


def _name(user: User | None, chat: Chat | None) -> str:
    if user is None:
        return chat.title if chat is not None else ""
    return f"{user.first_name} {user.last_name}".strip() or user.username or str(user.id)


def _quoted(message: RepliedTo) -> Quoted | None:
    attachments = tuple(_attachments(message))
    sender = None if message.sender_chat else message.from_
    if not attachments:
        return None
    return Quoted(attachments, None) if sender is None else Quoted(attachments, str(sender.id), sender.is_bot)


def _attachments(message: RepliedTo) -> Iterator[Attachment]:
    if message.photo:
        largest = message.photo[-1]  # sizes of one picture, in growing order
        yield Attachment("image", f"{message.message_id}.jpg", "image/jpeg", largest.file_size, largest.file_id)
    files: tuple[tuple[Literal["document", "audio", "video"], str, File | None], ...] = (
        ("document", "document", message.document),
        ("audio", "audio", message.audio),
        ("audio", "voice.ogg", message.voice),
        ("video", "video.mp4", message.video),
        ("video", "video.mp4", message.video_note),
    )
    for kind, usual_name, file in files:
        if file is not None:
            yield Attachment(kind, file.file_name or usual_name, file.mime_type, file.file_size, file.file_id)
