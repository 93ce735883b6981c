"""Telegram's card."""

import re
from typing import Final, Literal

from channels.port import ChannelManifest

# Ids have at most 52 significant bits (https://core.telegram.org/bots/api#chat): up to 16 digits.
_CHAT: Final = re.compile(r"-?[1-9][0-9]{0,15}", re.ASCII)
_POSITIVE: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)


def id_problem(kind: Literal["peer", "thread", "guild", "sender", "role"], platform_id: str) -> str | None:
    """Telegram's ids are whole numbers, those of groups and channels below zero; it knows no guilds and no roles."""
    if kind in {"guild", "role"}:
        return f"Telegram has no {kind}s"
    if platform_id.startswith("@"):
        return "a name is not an id; /why shows the number"
    if kind == "peer":
        return (
            None if _CHAT.fullmatch(platform_id) else "not a Telegram chat id (a whole number, below zero for groups)"
        )
    if _POSITIVE.fullmatch(platform_id):
        return None
    return "not a Telegram topic id (a number above zero)" if kind == "thread" else "not a Telegram user id"


MANIFEST: Final = ChannelManifest(
    name="telegram",
    config="channels.telegram.config:TelegramConfig",
    open="channels.telegram.channel:open_telegram",
    id_problem=id_problem,
    token_variable="TELEGRAM_BOT_TOKEN",  # noqa: S106 - a name, not a token
    render="channels.telegram.render:render_message",
)
