import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from channels.clock import SystemClock
from channels.simulator.discord.seed import CHANNEL
from channels.simulator.server import Simulator, run_simulator
from tests import chromium
from tests.acceptance.bot_process import BotFolder


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[str]:
    """For `open_page`."""
    with chromium.browser() as address:
        yield address


@pytest.fixture
def bot_folder(tmp_path: Path, simulator: Simulator) -> BotFolder:
    return BotFolder(tmp_path, simulator)


DISCORD_BINDINGS = f"""\
defaults: {{agent: main}}
agents:
  - {{id: main, kind: llm, model: kimi}}
  - {{id: parrot, kind: echo}}
bindings:
  - {{agent: parrot, match: {{channel: discord, peer: {{kind: channel, id: "{CHANNEL}"}}}}}}
"""


def discord_settings(simulator: Simulator) -> dict[str, Any]:
    """Of a bot that everybody may speak to, and that must be mentioned in a server."""
    return {
        "accounts": {"default": {"token": simulator.discord_token}},
        "api_base": simulator.discord_api_base,
        "dm_policy": "open",
        "group_policy": "open",
        "rate": {"bot_per_second": None, "chat_per_second": None},
    }


async def connected(simulator: Simulator) -> None:
    """Return when the bot hears what is said in Discord and its commands are offered."""
    platform = simulator.discord
    await platform.wait_until(lambda: platform.gateway.is_connected and bool(platform.state.commands))


@pytest.fixture
def discord_folder(bot_folder: BotFolder, simulator: Simulator) -> BotFolder:
    """A bot in a Discord server; the first channel is the parrot's."""
    settings = json.loads((bot_folder.folder / "javis.yaml").read_text(encoding="utf-8"))
    bot_folder.change_settings(channels=settings["channels"] | {"discord": discord_settings(simulator)})
    (bot_folder.folder / "bindings.yaml").write_text(DISCORD_BINDINGS, encoding="utf-8")
    return bot_folder
