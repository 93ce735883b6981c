"""The command table as Discord's slash commands. Pure.

https://discord.com/developers/docs/interactions/application-commands
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from channels.message import JsonObject
from channels.port import CommandCard, Suggestion

OPTION: Final = "text"
CHAT_INPUT, STRING = 1, 3
IN_GUILDS, IN_DIRECT_CHATS = 0, 1
DESCRIPTION_LENGTH: Final = 100
CHOICES: Final = 25
CHOICE_LENGTH: Final = 100
MOST_COMMANDS: Final = 100
LOCALES: Final[Mapping[str, Sequence[str]]] = {
    "en": ("en-US", "en-GB"), "zh-Hans": ("zh-CN",), "zh-Hant": ("zh-TW",),
}  # fmt: skip
"""Discord's locales by our language tags (https://discord.com/developers/docs/reference#locales)."""

MANAGE_GUILD: Final = str(1 << 5)
"""Whoever manages a server may offer the command to others too, in the server's own settings.

https://discord.com/developers/docs/interactions/application-commands#permissions
"""

_NAME: Final = re.compile(r"[-_\w]{1,32}")


def command_payloads(cards: Sequence[CommandCard]) -> list[JsonObject]:
    """The body of a bulk overwrite."""
    return [_command(card) for card in cards[:MOST_COMMANDS]]


def fingerprint(application: str, payloads: Sequence[JsonObject]) -> str:
    """The same for the same commands of the same application."""
    text = json.dumps([application, payloads], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def choices(suggestions: Sequence[Suggestion]) -> list[JsonObject]:
    """What Discord takes of `suggestions`: a value that is too long could not be sent back."""
    fit = [each for each in suggestions if each.label.strip() and 0 < len(each.value) <= CHOICE_LENGTH]
    return [{"name": each.label.strip()[:CHOICE_LENGTH], "value": each.value} for each in fit[:CHOICES]]


def in_locale(texts: Mapping[str, str], locale: str | None) -> str:
    """The text for a person whose client speaks `locale`; that for "" where there is none."""
    for tag, locales in LOCALES.items():
        if locale in locales and tag in texts:
            return texts[tag]
    return texts[""]


def _command(card: CommandCard) -> JsonObject:
    command: dict[str, Any] = {
        "type": CHAT_INPUT,
        "name": card.name,
        "description": _default(card.descriptions, card.name),
        "name_localizations": {
            locale: name for locale, name in _localized(card.names).items() if _NAME.fullmatch(name)
        },
        "description_localizations": _localized(card.descriptions),
        "contexts": [IN_GUILDS, IN_DIRECT_CHATS],
        "default_member_permissions": MANAGE_GUILD if card.for_owners else None,
    }
    if card.argument is not None:
        command["options"] = [
            {
                "type": STRING,
                "name": OPTION,
                "description": _default(card.argument, card.name),
                "description_localizations": _localized(card.argument),
                "required": card.argument_required,
                "autocomplete": card.suggests,
            }
        ]
    return command


def _default(texts: Mapping[str, str], otherwise: str) -> str:
    return (texts.get("") or otherwise)[:DESCRIPTION_LENGTH]


def _localized(texts: Mapping[str, str]) -> dict[str, str]:
    return {
        locale: texts[tag][:DESCRIPTION_LENGTH]
        for tag, locales in LOCALES.items()
        if texts.get(tag)
        for locale in locales
    }
