"""Which bot a command speaks of: without tokens that is the one that runs among stand-ins here."""

from dataclasses import replace
from pathlib import Path

import click

from bot.settings.model import Settings
from bot.storage.lock import run_is_active
from channels.config import BotAccount
from channels.discord.config import DiscordConfig
from channels.telegram.config import TelegramConfig

_PLATFORMS = "platforms"  # the stand-ins keep their state there, beside the bot's


def settings_of_the_running_bot(settings: Settings) -> Settings:
    """`settings`, or those with the home of the bot among stand-ins where it alone runs; that is told on stderr."""
    home = settings.simulator_home
    there = replace(settings, home=home, database=home / "javis.db")
    if settings.has_tokens or not isinstance(settings.database, Path):
        return settings
    if run_is_active(settings.database) or not is_among_stand_ins(there):
        return settings
    click.echo(f"(This is about the bot among stand-ins, in {home}.)", err=True)
    from channels.simulator.owners import DISCORD_OWNERS, TELEGRAM_OWNERS  # noqa: PLC0415 - seldom needed, slow

    # Their addresses and tokens are the running bot's business: here it counts that there are such chats.
    telegram = TelegramConfig(accounts={"default": BotAccount()}, owners=TELEGRAM_OWNERS)
    discord = DiscordConfig(accounts={"default": BotAccount()}, owners=DISCORD_OWNERS)
    return replace(there, channels={**settings.channels, "telegram": telegram, "discord": discord})


def is_among_stand_ins(settings: Settings) -> bool:
    """Whether the bot that runs on these settings does so among stand-ins: its model needs no key."""
    if not isinstance(settings.database, Path):
        return False
    return (settings.home / _PLATFORMS).is_dir() and run_is_active(settings.database)
