"""SIGKILL at the steps of Discord's road, then a restart: nothing is lost, and thanks to the nonce nothing doubled."""

from collections import Counter
from pathlib import Path

import pytest

from channels.simulator.discord.seed import CHANNEL, OTHER_CHANNEL, PEOPLE
from channels.simulator.discord.state import BOT_ID
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, ended
from tests.acceptance.conftest import connected
from tests.torture.in_discord import torture

SEED, KILLS = 20_260_101, 10
EXPECTED = {"one question", "✅ Kimi 任務已派發：one task", "✅ Kimi 任務完成！"}
MESSAGES = range(1, 4)  # of one question and one task, counted from the start of the process


@pytest.mark.parametrize("moment", ["before-wire", "after-wire"])
@pytest.mark.parametrize("step", MESSAGES)
async def test_killed_while_a_message_leaves_loses_and_doubles_nothing(
    simulator: Simulator, discord_folder: BotFolder, moment: str, step: int
) -> None:
    platform = simulator.discord
    process = await discord_folder.start_doomed(moment, step)
    await connected(simulator)
    platform.say(CHANNEL, PEOPLE[0], f"<@{BOT_ID}> one question")
    platform.say(OTHER_CHANNEL, PEOPLE[0], "Kimi: one task")
    await ended(process)
    assert process.returncode == -9
    async with discord_folder.running():
        await platform.wait_for_sent(lambda sent: {each["content"].split("\n")[0] for each in sent} >= EXPECTED)
    seen = Counter(each["content"].split("\n")[0] for each in platform.sent())
    assert seen == Counter(EXPECTED)


async def test_ten_kills_at_random_steps_lose_and_double_nothing(tmp_path: Path) -> None:
    """`python -m tests.torture.in_discord --seed N` repeats the lives of a seed, and does thousands of kills."""
    report = await torture(SEED, KILLS, tmp_path)
    assert (report.kills, report.wrong) == (KILLS, [])
