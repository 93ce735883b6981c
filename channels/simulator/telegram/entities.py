"""Texts with entities, checked and tidied as Telegram does it. Pure; offsets and lengths in UTF-16 units.

https://core.telegram.org/bots/api#messageentity
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from channels.simulator.telegram.wire import Wire, bad_request

TEXT_UTF16_UNITS: Final = 4096
CAPTION_UTF16_UNITS: Final = 1024
ENTITY_LIMIT: Final = 100  # Telegram ignores the rest

_FORMATS: Final = frozenset(
    {
        "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
        "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
        "custom_emoji", "date_time",
    }
)  # fmt: skip
_SPACE: Final = " \n\r\t"
_FOUND: Final = re.compile(
    r"(?P<url>https?://[^\s<>\"'，。；：！？、）」』】]+)"
    r"|(?<![\w/@])(?:(?P<bot_command>/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?)|(?P<mention>@[A-Za-z0-9_]{4,32}))"
)


def utf16_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def check_entities(text: str, entities: Sequence[Any]) -> list[Wire]:
    """The entities that Telegram would keep. Raises ApiError as it would."""
    checked = [_check_shape(entity) for entity in entities[:ENTITY_LIMIT]]
    encoded = text.encode("utf-16-le", "surrogatepass") if checked else b""
    kept: list[Wire] = []
    for entity in sorted(checked, key=lambda each: (each["offset"], -each["length"])):
        _check_range(encoded, entity["offset"], entity["offset"] + entity["length"])
        if entity["length"] > 0:
            kept.append(entity)
    return kept


def _check_shape(entity: Any) -> Wire:
    if not isinstance(entity, dict):
        raise bad_request("can't parse MessageEntity: expected an Object")
    for name in ("offset", "length"):
        if not isinstance(entity.get(name), int) or isinstance(entity[name], bool):
            raise bad_request(f"can't parse MessageEntity: Can't find field \"{name}\"")
        if not 0 <= entity[name] <= 1_000_000:
            raise bad_request(f"receive an entity with incorrect {name} {entity[name]}")
    if entity.get("type") not in _FORMATS:
        raise bad_request("can't parse MessageEntity: Unsupported type specified")
    if entity["type"] == "text_link" and not isinstance(entity.get("url"), str):
        raise bad_request("can't parse MessageEntity: Can't find field \"url\"")
    return {name: value for name, value in entity.items() if value is not None}


def _check_range(encoded: bytes, start: int, end: int) -> None:
    """`encoded` is the text in UTF-16, two bytes a unit."""
    units = len(encoded) // 2
    if start > units:
        raise bad_request(f"entity begins after the end of the text at UTF-16 offset {start}")
    if _inside_pair(encoded, start):
        raise bad_request(f"entity begins in a middle of a UTF-16 symbol at byte offset {start}")
    if end > units:
        words = "ends after the end of the text at UTF-16 offset"
        raise bad_request(f"entity beginning at UTF-16 offset {start} {words} {end}")
    if _inside_pair(encoded, end):
        words = "ends in a middle of a UTF-16 symbol at byte offset"
        raise bad_request(f"entity beginning at UTF-16 offset {start} {words} {end}")


def _inside_pair(encoded: bytes, unit: int) -> bool:
    low = encoded[2 * unit + 1 : 2 * unit + 2]
    return bool(low) and 0xDC <= low[0] <= 0xDF


def trim(text: str, entities: list[Wire]) -> tuple[str, list[Wire]]:
    """Without the white space around it; what stands at the beginning inside an entity stays."""
    if text and text[0] not in _SPACE and text[-1] not in _SPACE:
        return text, entities
    text = text.rstrip(_SPACE)
    leading = len(text) - len(text.lstrip(_SPACE))
    if entities:
        leading = min(leading, entities[0]["offset"])
    text = text[leading:]
    end = utf16_length(text)
    moved = [each | {"offset": each["offset"] - leading} for each in entities]
    cut = [each | {"length": min(each["length"], end - each["offset"])} for each in moved]
    return text, [each for each in cut if each["length"] > 0]


def find_entities(text: str, entities: Sequence[Wire] = ()) -> list[Wire]:
    """`entities`, and the addresses, commands and mentions outside them that Telegram finds by itself."""
    found = list(entities)
    if "://" not in text and "/" not in text and "@" not in text:
        return found
    for match in _FOUND.finditer(text):
        kind = match.lastgroup or ""
        offset = utf16_length(text[: match.start()])
        length = utf16_length(match.group())
        if all(offset + length <= each["offset"] or each["offset"] + each["length"] <= offset for each in entities):
            found.append({"type": kind, "offset": offset, "length": length})
    return sorted(found, key=lambda each: (each["offset"], -each["length"]))
