"""The yardstick: a stock discord.py bot that defers a slash command at once, as its own examples write it."""

import os

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

client = discord.Client(intents=discord.Intents.default())
tree = app_commands.CommandTree(client)


@tree.command(description="Ask")
async def ask(interaction: discord.Interaction, text: str) -> None:
    await interaction.response.defer(thinking=True)
    await interaction.edit_original_response(content=text)


@client.event
async def on_ready() -> None:
    await tree.sync()


def main() -> None:
    base = os.environ["DISCORD_API"]
    Route.BASE = base
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(base.replace("http", "ws", 1).replace("/api/v10", "/gateway"))
    client.run(os.environ["DISCORD_BOT_TOKEN"])


if __name__ == "__main__":
    main()
