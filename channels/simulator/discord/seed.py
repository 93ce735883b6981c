"""The people, the server and the channels of a new simulated Discord."""

from collections.abc import Iterator
from typing import Final

from channels.simulator.discord.permissions import ORDINARY
from channels.simulator.discord.state import BOT_ID, DIRECT, FORUM, TEXT
from channels.simulator.discord.wire import Wire
from channels.simulator.journal import Record

PEOPLE: Final = ("1160000000000000001", "1160000000000000002", "1160000000000000003")
GUILD: Final = "1170000000000000001"
BOT_ROLE: Final = "1170000000000000002"
CHANNEL: Final = "1170000000000000011"
OTHER_CHANNEL: Final = "1170000000000000012"
FORUM_CHANNEL: Final = "1170000000000000013"
_NAMES: Final = (("me", "我"), ("colleague", "同事"), ("newcomer", "新同事"))
_JOINED: Final = "2025-01-01T00:00:00+00:00"


def user_wire(user_id: str, username: str, name: str | None) -> Wire:
    return {
        "id": user_id,
        "username": username,
        "global_name": name,
        "discriminator": "0",
        "avatar": None,
        "public_flags": 0,
    }


def member_wire(roles: tuple[str, ...] = ()) -> Wire:
    return {
        "nick": None,
        "avatar": None,
        "roles": list(roles),
        "joined_at": _JOINED,
        "deaf": False,
        "mute": False,
        "flags": 0,
    }


def channel_wire(channel_id: str, guild_id: str, name: str, kind: int = TEXT, position: int = 0) -> Wire:
    wire: Wire = {
        "id": channel_id,
        "type": kind,
        "guild_id": guild_id,
        "name": name,
        "position": position,
        "permission_overwrites": [],
        "parent_id": None,
        "topic": None,
        "nsfw": False,
        "last_message_id": None,
        "rate_limit_per_user": 0,
        "flags": 0,
    }
    return wire | ({"available_tags": []} if kind == FORUM else {})


def direct_wire(channel_id: str, user: Wire) -> Wire:
    return {"id": channel_id, "type": DIRECT, "last_message_id": None, "flags": 0, "recipients": [user]}


def guild_record(guild_id: str, name: str, owner_id: str, user_ids: tuple[str, ...], bot_role: str) -> Record:
    """A server with the bot in it, where everybody may do what is usual."""
    role = {"color": 0, "hoist": False, "mentionable": False, "flags": 0, "icon": None, "unicode_emoji": None}
    roles = [
        role | {"id": guild_id, "name": "@everyone", "permissions": str(ORDINARY), "position": 0, "managed": False},
        role
        | {"id": bot_role, "name": "Javis", "permissions": "0", "position": 1, "managed": True}
        | {"mentionable": True, "tags": {"bot_id": BOT_ID}},
    ]
    members = {user: member_wire() for user in user_ids} | {BOT_ID: member_wire((bot_role,))}
    return {
        "t": "guild",
        "guild": {"id": guild_id, "name": name, "owner_id": owner_id, "roles": roles},
        "members": members,
    }


def seed_records() -> Iterator[Record]:
    """A bot, three people with a direct chat each, and one server that the first of them owns."""
    bot = user_wire(BOT_ID, "Javis", None) | {"bot": True, "discriminator": "0001"}
    yield {"t": "user", "user": bot, "locale": "en-US"}
    for user_id, (username, name) in zip(PEOPLE, _NAMES, strict=True):
        yield {"t": "user", "user": user_wire(user_id, username, name), "locale": "zh-TW"}
    yield guild_record(GUILD, "Javis 試用伺服器", PEOPLE[0], PEOPLE, BOT_ROLE)
    yield {"t": "place", "place": channel_wire(CHANNEL, GUILD, "一般")}
    yield {"t": "place", "place": channel_wire(OTHER_CHANNEL, GUILD, "專案", position=1)}
    yield {"t": "place", "place": channel_wire(FORUM_CHANNEL, GUILD, "論壇", FORUM, position=2)}
    for number, (user_id, (username, name)) in enumerate(zip(PEOPLE, _NAMES, strict=True), 1):
        yield {"t": "place", "place": direct_wire(f"118000000000000000{number}", user_wire(user_id, username, name))}
