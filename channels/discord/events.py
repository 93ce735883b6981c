"""The form in which an event is stored: Discord's own payload, and a note with what only we knew when it came."""

import hashlib
from typing import Any, Final

from channels.json_text import compact_json
from channels.message import JsonObject
from channels.port import RawUpdate

NOTE: Final = "javis"


def envelope(event: str, data: JsonObject, note: JsonObject) -> dict[str, Any]:
    """`event` is the gateway's name (MESSAGE_CREATE), also for what was fetched by GET."""
    return {"t": event, "d": data, NOTE: {name: value for name, value in note.items() if value}}


def raw_update(event: JsonObject) -> RawUpdate:
    """An envelope for the inbox. The same message has the same id by whatever way it comes.

    An event without a usable id is kept too, under a name made from its content.
    """
    raw = compact_json(event)
    match event:
        case {"t": "MESSAGE_CREATE", "d": {"id": str(number)}}:
            return RawUpdate(f"message-{number}", raw)
        case {"t": "MESSAGE_UPDATE", "d": {"id": str(number), "edited_timestamp": str(moment)}}:
            return RawUpdate(f"edit-{number}-{moment}", raw)
        case {"t": "INTERACTION_CREATE", "d": {"id": str(number)}}:
            return RawUpdate(f"interaction-{number}", raw)
    return RawUpdate(f"unreadable-{hashlib.sha256(raw.encode()).hexdigest()[:24]}", raw)
