"""The part of the Bot API's objects that `parse` reads; whatever else they hold is left aside.

https://core.telegram.org/bots/api#available-types
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from channels.utf16 import without_lone_surrogates

Text = Annotated[str, AfterValidator(without_lone_surrogates)]
Seconds = Annotated[int, Field(ge=0, lt=2**36)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class User(_Wire):
    id: int
    is_bot: bool = False
    first_name: Text = ""
    last_name: Text = ""
    username: Text | None = None
    language_code: Text | None = None


class Myself(User):
    """What getMe tells of the bot (https://core.telegram.org/bots/api#getme)."""

    can_read_all_group_messages: bool = False


class Chat(_Wire):
    id: int
    type: Literal["private", "group", "supergroup", "channel"]
    title: Text = ""


class Entity(_Wire):
    """`offset` and `length` in UTF-16 units."""

    type: Text
    offset: Annotated[int, Field(ge=0)]
    length: Annotated[int, Field(ge=0)]
    user: User | None = None


class File(_Wire):
    file_id: Text
    file_size: int | None = None
    file_name: Text | None = None
    mime_type: Text | None = None


class RepliedTo(_Wire):
    """What every message has, and all that is read of one that is answered."""

    message_id: int
    from_: User | None = Field(default=None, alias="from")
    sender_chat: Chat | None = None
    photo: list[File] = Field(default_factory=list)
    document: File | None = None
    audio: File | None = None
    voice: File | None = None
    video: File | None = None
    video_note: File | None = None


class Message(RepliedTo):
    """`date` in seconds since 1970; 0 when the message is out of the bot's reach (under a button)."""

    date: Seconds
    chat: Chat
    message_thread_id: int | None = None
    is_topic_message: bool = False
    reply_to_message: RepliedTo | None = None
    text: Text | None = None
    entities: list[Entity] = Field(default_factory=list)
    media_group_id: Text | None = None
    caption: Text | None = None
    caption_entities: list[Entity] = Field(default_factory=list)
    migrate_to_chat_id: int | None = None


class CallbackQuery(_Wire):
    id: Text
    from_: User = Field(alias="from")
    message: Message | None = None
    data: Text | None = None


class ChatMember(_Wire):
    """`status`: creator, administrator, member, restricted, left or kicked."""

    status: Text
    is_member: bool | None = None


class ChatMemberUpdated(_Wire):
    chat: Chat
    from_: User = Field(alias="from")
    new_chat_member: ChatMember


class Update(_Wire):
    message: Message | None = None
    edited_message: Message | None = None
    callback_query: CallbackQuery | None = None
    my_chat_member: ChatMemberUpdated | None = None
