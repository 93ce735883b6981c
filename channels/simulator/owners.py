"""Whose bot it is among the stand-ins: the person whom the page calls "me", who may try what is an owner's alone."""

from typing import Final

from channels.simulator.discord.seed import PEOPLE
from channels.simulator.seed import FIRST_USER

TELEGRAM_OWNERS: Final = [str(FIRST_USER)]
DISCORD_OWNERS: Final = [PEOPLE[0]]
