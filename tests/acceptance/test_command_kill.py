"""A command that kills its process with SIGKILL at each start."""

import json

from bot.pipeline.path import MOST_BEGUN_AGAIN
from channels.simulator.seed import FIRST_USER
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, ended

OWNER, GUEST = FIRST_USER, FIRST_USER + 1


async def test_command_that_kills_each_process_is_set_aside_and_its_owner_told(
    simulator: Simulator, bot_folder: BotFolder
) -> None:
    telegram = json.loads((bot_folder.folder / "javis.yaml").read_text(encoding="utf-8"))["channels"]["telegram"]
    bot_folder.change_settings(channels={"telegram": telegram | {"owners": [str(OWNER)]}}, gateway={"enabled": False})
    update = simulator.telegram.say(GUEST, GUEST, "/help")
    for _ in range(1 + MOST_BEGUN_AGAIN):
        process = await bot_folder.start_doomed("in-command", 1)
        await ended(process)
        assert process.returncode == -9
    assert simulator.telegram.sent() == []
    async with bot_folder.running():
        await simulator.telegram.wait_for_sent(2)
        simulator.telegram.say(GUEST, GUEST, "next")
        await simulator.telegram.wait_for_sent(3)
    (told,) = simulator.telegram.sent(OWNER)
    assert f"javis trace telegram/default/{update}" in told["text"]
    assert [each["text"] for each in simulator.telegram.sent(GUEST)] == ["我這邊出了點問題，請再試一次。", "next"]
    _, listed, _ = await bot_folder.command("trace", "--state", "quarantined", "--json")
    assert [road["reason"] for road in json.loads(listed)] == ["crashed_repeatedly"]
    _, status, _ = await bot_folder.command("status")
    assert "set aside 1" in status
