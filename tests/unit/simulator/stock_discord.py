"""discord.py as it comes, pointed at the simulator by the two addresses that it keeps for the whole process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from typing_extensions import override

from channels.simulator.server import Simulator


class StockBot(discord.Client):
    """Keeps what it hears."""

    def __init__(self, intents: discord.Intents) -> None:
        super().__init__(intents=intents, guild_ready_timeout=0)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.edited: list[discord.RawMessageUpdateEvent] = []
        self.deleted: list[discord.RawMessageDeleteEvent] = []
        self.threads: list[discord.Thread] = []
        self.joined: list[discord.Guild] = []
        self.resumed = 0

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)

    async def on_raw_message_edit(self, event: discord.RawMessageUpdateEvent) -> None:
        self.edited.append(event)

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        self.deleted.append(event)

    async def on_thread_create(self, thread: discord.Thread) -> None:
        self.threads.append(thread)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.joined.append(guild)

    async def on_resumed(self) -> None:
        self.resumed += 1

    @override
    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        raise AssertionError(f"discord.py failed in {event_method}")

    def text_channel(self, channel_id: str) -> discord.TextChannel:
        channel = self.get_channel(int(channel_id))
        assert isinstance(channel, discord.TextChannel)
        return channel


def all_intents() -> discord.Intents:
    intents = discord.Intents.default()
    intents.message_content = True
    intents.members = True
    return intents


@asynccontextmanager
async def stock_bot(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, bot: StockBot | None = None
) -> AsyncIterator[StockBot]:
    """A bot that is ready. Its rate limits and reconnects are the library's own, on the machine's clock."""
    monkeypatch.setattr(Route, "BASE", simulator.discord_api_base)
    gateway = yarl.URL(simulator.url.replace("http", "ws") + "/discord/gateway")
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
    bot = bot or StockBot(all_intents())
    async with bot:
        task = asyncio.create_task(bot.start(simulator.discord_token), name="stock bot")
        ready = asyncio.create_task(bot.wait_until_ready(), name="ready")
        await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            ready.cancel()
            task.result()
        try:
            yield bot
        finally:
            await bot.close()
            await asyncio.wait([task])
