"""Events as Discord's gateway sends them, around one bot."""

import json
from typing import Any

from channels.discord.events import envelope
from channels.discord.parse import Me, parse_event
from channels.message import InboundMessage

BOT, USER, GUILD, CHANNEL, THREAD, DIRECT = (
    "900000000000000001", "800000000000000001", "100000000000000001",
    "200000000000000001", "300000000000000001", "210000000000000001",
)  # fmt: skip
ROLE, OWN_ROLE = "400000000000000001", "400000000000000002"
ME = Me("default", BOT, "javis")
AUTHOR = {"id": USER, "username": "ming", "global_name": "小明", "discriminator": "0", "avatar": None}
BOT_AUTHOR = {"id": BOT, "username": "javis", "global_name": None, "discriminator": "0001", "avatar": None, "bot": True}


def message(content: str = "hello", **fields: Any) -> dict[str, Any]:
    """A message in a channel of a server; a field that is None is left out."""
    made = {
        "id": "1400000000000000005",
        "channel_id": CHANNEL,
        "guild_id": GUILD,
        "type": 0,
        "content": content,
        "author": AUTHOR,
        "member": {"nick": None, "roles": [ROLE], "joined_at": "2025-01-01T00:00:00+00:00"},
        "timestamp": "2026-11-20T08:30:00.123000+00:00",
        "edited_timestamp": None,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "tts": False,
        "pinned": False,
    } | fields
    return {name: value for name, value in made.items() if value is not None or name == "edited_timestamp"}


def direct_message(content: str = "hello", **fields: Any) -> dict[str, Any]:
    return message(content, channel_id=DIRECT, guild_id=None, member=None, **fields)


def interaction(kind: int, data: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What a member of a server did in a channel."""
    made = {
        "id": "1400000000000000006",
        "application_id": BOT,
        "type": kind,
        "token": "an-interaction-token",
        "version": 1,
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "channel": {"id": CHANNEL, "type": 0, "parent_id": "220000000000000001"},
        "member": {"user": AUTHOR, "nick": "明", "roles": [ROLE]},
        "locale": "zh-TW",
        "data": data,
    } | fields
    return {name: value for name, value in made.items() if value is not None}


def command(name: str, text: str | None = None, **fields: Any) -> dict[str, Any]:
    options = [] if text is None else [{"name": "text", "type": 3, "value": text}]
    return interaction(2, {"id": "500000000000000001", "name": name, "type": 1, "options": options}, **fields)


def parse(event: str, data: dict[str, Any], **note: Any) -> InboundMessage | None:
    return parse_event(json.loads(json.dumps(envelope(event, data, note))), ME)


def heard(event: str, data: dict[str, Any], **note: Any) -> InboundMessage:
    parsed = parse(event, data, **note)
    assert parsed is not None
    return parsed
