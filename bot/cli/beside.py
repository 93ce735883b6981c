"""Which bot a command speaks of: without tokens that is the one that runs among stand-ins here."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from bot.settings.model import Settings
from bot.storage.lock import run_is_active
from channels.config import BotAccount
from channels.discord.config import DiscordConfig
from channels.telegram.config import TelegramConfig

_ONE: Final = {"default": BotAccount()}
_PLATFORMS = "platforms"  # the stand-ins keep their state there, beside the bot's


def settings_of_the_running_bot(settings: Settings) -> Settings:
    """`settings`, or those with the home of the bot among stand-ins where it alone runs; that is told on stderr."""
    home = settings.simulator_home
    # Their addresses and tokens are the running bot's business: here it counts that there are such chats.
    platforms = {"telegram": TelegramConfig(accounts=_ONE), "discord": DiscordConfig(accounts=_ONE)}
    channels = {**settings.channels, **platforms}
    there = replace(settings, channels=channels, home=home, database=home / "javis.db")
    if settings.has_tokens or not isinstance(settings.database, Path):
        return settings
    if run_is_active(settings.database) or not is_among_stand_ins(there):
        return settings
    click.echo(f"(This is about the bot among stand-ins, in {home}.)", err=True)
    return there


def is_among_stand_ins(settings: Settings) -> bool:
    """Whether the bot that runs on these settings does so among stand-ins: its model needs no key."""
    if not isinstance(settings.database, Path):
        return False
    return (settings.home / _PLATFORMS).is_dir() and run_is_active(settings.database)
