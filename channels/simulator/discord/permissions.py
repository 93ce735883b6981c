"""What a member may do in a channel.

https://discord.com/developers/docs/topics/permissions
"""

from typing import Final

from channels.simulator.discord.state import Guild, Place

ADMINISTRATOR: Final = 1 << 3
MANAGE_GUILD: Final = 1 << 5
ADD_REACTIONS: Final = 1 << 6
VIEW_CHANNEL: Final = 1 << 10
SEND_MESSAGES: Final = 1 << 11
MANAGE_MESSAGES: Final = 1 << 13
EMBED_LINKS: Final = 1 << 14
ATTACH_FILES: Final = 1 << 15
READ_MESSAGE_HISTORY: Final = 1 << 16
MENTION_EVERYONE: Final = 1 << 17
USE_APPLICATION_COMMANDS: Final = 1 << 31
CREATE_PUBLIC_THREADS: Final = 1 << 35
SEND_MESSAGES_IN_THREADS: Final = 1 << 38
ALL: Final = (1 << 53) - 1
ORDINARY: Final = (
    ADD_REACTIONS
    | VIEW_CHANNEL
    | SEND_MESSAGES
    | EMBED_LINKS
    | ATTACH_FILES
    | READ_MESSAGE_HISTORY
    | USE_APPLICATION_COMMANDS
    | CREATE_PUBLIC_THREADS
    | SEND_MESSAGES_IN_THREADS
)


def rights_in(guild: Guild, place: Place, user_id: str) -> int:
    """The member's permissions in a channel of its server (`place` is the channel around a thread); 0 for strangers."""
    member = guild.members.get(user_id)
    if member is None:
        return 0
    if guild.wire["owner_id"] == user_id:
        return ALL
    mine = {guild.id, *member["roles"]}
    rights = 0
    for role in guild.wire["roles"]:
        if role["id"] in mine:
            rights |= int(role["permissions"])
    if rights & ADMINISTRATOR:
        return ALL
    overwrites = {each["id"]: each for each in place.wire.get("permission_overwrites", [])}
    for group in ([guild.id], member["roles"], [user_id]):
        fitting = [overwrites[each] for each in group if each in overwrites]
        for each in fitting:
            rights &= ~int(each["deny"])
        for each in fitting:
            rights |= int(each["allow"])
    return rights
