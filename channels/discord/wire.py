"""The part of Discord's objects that `parse` reads; whatever else they hold is left aside.

https://discord.com/developers/docs/resources/message#message-object
"""

from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from channels.utf16 import without_lone_surrogates

Text = Annotated[str, AfterValidator(without_lone_surrogates)]
Snowflake = Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
Moment = Annotated[AwareDatetime, Field(strict=False)]


class _Wire(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


class User(_Wire):
    id: Snowflake
    username: Text = ""
    global_name: Text | None = None
    bot: bool = False


class Member(_Wire):
    """`user` is left out where the message names its author itself."""

    user: User | None = None
    nick: Text | None = None
    roles: list[Snowflake] = Field(default_factory=list)


class File(_Wire):
    filename: Text
    content_type: Text | None = None
    size: int | None = None
    url: Text


class Reference(_Wire):
    """`type` 0 is an answer, 1 a forwarded message."""

    type: int = 0
    message_id: Snowflake | None = None


class ReferencedMessage(_Wire):
    author: User
    attachments: list[File] = Field(default_factory=list)
    webhook_id: Snowflake | None = None


class ForwardedMessage(_Wire):
    content: Text = ""
    attachments: list[File] = Field(default_factory=list)


class Snapshot(_Wire):
    message: ForwardedMessage


class Message(_Wire):
    """`guild_id` is None in a direct chat; Discord names it in events only, not in answers to GET."""

    id: Snowflake
    channel_id: Snowflake
    guild_id: Snowflake | None = None
    type: int = 0
    content: Text = ""
    author: User
    member: Member | None = None
    timestamp: Moment
    edited_timestamp: Moment | None = None
    mentions: list[User] = Field(default_factory=list)
    mention_roles: list[Snowflake] = Field(default_factory=list)
    attachments: list[File] = Field(default_factory=list)
    message_reference: Reference | None = None
    referenced_message: ReferencedMessage | None = None
    message_snapshots: list[Snapshot] = Field(default_factory=list)
    webhook_id: Snowflake | None = None


class Channel(_Wire):
    id: Snowflake
    type: int = 0
    parent_id: Snowflake | None = None


class Option(_Wire):
    name: Text
    value: Any = None
    focused: bool = False


class Data(_Wire):
    """Of a command (`name`, `options`) or of a pressed button (`custom_id`)."""

    name: Text | None = None
    options: list[Option] = Field(default_factory=list)
    custom_id: Text | None = None


class Pressed(_Wire):
    id: Snowflake


class Interaction(_Wire):
    """https://discord.com/developers/docs/interactions/receiving-and-responding#interaction-object"""

    id: Snowflake
    application_id: Snowflake
    type: int
    token: Text
    guild_id: Snowflake | None = None
    channel_id: Snowflake
    channel: Channel | None = None
    member: Member | None = None
    user: User | None = None
    locale: Text | None = None
    data: Data | None = None
    message: Pressed | None = None


class Note(_Wire):
    """What we add to an event when it arrives, so that reading it later needs nobody.

    `parent` is the channel around the thread of the message, `own_role` the role that is the bot's own in that guild.
    `private` marks a command whose answer is for the asker alone.
    """

    parent: Snowflake | None = None
    own_role: Snowflake | None = None
    private: bool = False
