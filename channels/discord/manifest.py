"""Discord's card."""

import re
from typing import Final, Literal

from channels.port import ChannelManifest

# Ids are times: the shortest are those of 2015 (https://discord.com/developers/docs/reference#snowflakes).
_SNOWFLAKE: Final = re.compile(r"[1-9][0-9]{14,19}", re.ASCII)


def id_problem(kind: Literal["peer", "thread", "guild", "sender", "role"], platform_id: str) -> str | None:
    """Every id of Discord is a snowflake: a whole number of 15 to 20 digits below 2**64."""
    if _SNOWFLAKE.fullmatch(platform_id) and int(platform_id) < 2**64:
        return None
    if platform_id.startswith(("@", "#", "<")):
        return "a name is not an id; /why shows the number"
    what = {"peer": "channel or user", "thread": "thread", "guild": "server", "sender": "user", "role": "role"}[kind]
    return f"not a Discord {what} id (15 to 20 digits: switch on Developer Mode, then Copy ID)"


MANIFEST: Final = ChannelManifest(
    name="discord",
    config="channels.discord.config:DiscordConfig",
    open="channels.discord.channel:open_discord",
    id_problem=id_problem,
    token_variable="DISCORD_BOT_TOKEN",  # noqa: S106 - a name, not a token
    render="channels.discord.render:render_message",
)
