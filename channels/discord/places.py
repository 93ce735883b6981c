"""Where a message stands: the channel around its thread, and the role that is the bot's own.

From the library's cache; what is not in it (a thread that slept for long) is asked once.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import discord

from channels.discord.failures import CallFailed
from channels.discord.http import DiscordHttp
from channels.discord.parse import THREADS
from channels.message import JsonObject

MOST_ASKED: Final = 1000


class Places:
    """Of one account; `guild` finds a server in the cache."""

    def __init__(self, rest: DiscordHttp, guild: Callable[[int], discord.Guild | None]) -> None:
        self._rest = rest
        self._guild = guild
        self._asked: OrderedDict[str, str | None] = OrderedDict()

    async def note(self, message: JsonObject) -> JsonObject:
        """What `parse` cannot know of a message from `message` itself."""
        match message:
            case {"guild_id": str(guild_id), "channel_id": str(channel_id)} if guild_id.isdecimal():
                guild = self._guild(int(guild_id))
                note: dict[str, Any] = {"parent": await self._parent(guild, channel_id)}
                if message.get("mention_roles") and guild is not None and guild.self_role is not None:
                    note["own_role"] = str(guild.self_role.id)
                return note
            case _:
                return {}

    async def _parent(self, guild: discord.Guild | None, channel_id: str) -> str | None:
        channel = guild.get_channel_or_thread(int(channel_id)) if guild and channel_id.isdecimal() else None
        if isinstance(channel, discord.Thread):
            return str(channel.parent_id)
        return None if channel is not None else await self._ask(channel_id)

    async def _ask(self, channel_id: str) -> str | None:
        if channel_id not in self._asked:
            try:
                told = (await self._rest.call("GET", f"/channels/{channel_id}")).data
            except CallFailed:
                return None  # better read as a channel of its own than not at all
            is_thread = isinstance(told, dict) and told.get("type") in THREADS
            parent = told.get("parent_id") if is_thread else None
            self._asked[channel_id] = parent if isinstance(parent, str) else None
            if len(self._asked) > MOST_ASKED:
                self._asked.popitem(last=False)
        return self._asked[channel_id]
