"""A command that kills its process with SIGKILL at each start, alone and beside the messages of others."""

import json

from bot.pipeline.suspects import MOST_BEGUN_AGAIN
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, ended
from tests.torture.history import LABEL

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


async def test_messages_under_way_beside_the_one_that_kills_are_answered_once_and_it_alone_is_set_aside(
    simulator: Simulator, bot_folder: BotFolder
) -> None:
    bot_folder.change_settings(gateway={"enabled": False})
    before, poisoner, after = FIRST_USER, FIRST_USER + 1, FIRST_USER + 2
    simulator.telegram.say(before, before, "/help")
    poison = simulator.telegram.say(poisoner, poisoner, "/help poison")
    simulator.telegram.say(after, after, "/help")
    simulator.telegram.say(GROUP, after, "A question")
    for _ in range(1 + MOST_BEGUN_AGAIN):
        process = await bot_folder.start_doomed("in-poison", 1)
        await ended(process)
        assert process.returncode == -9
    async with bot_folder.running():
        told = await simulator.telegram.wait_for_sent(lambda sent: len({each["chat"]["id"] for each in sent}) == 4)
    # A death while an answer is on its way leaves a copy that says so.
    plain = [(each["chat"]["id"], each["text"]) for each in told if not each["text"].startswith(LABEL)]
    answers = {(each["chat"]["id"], each["text"].removeprefix(LABEL).lstrip("\n")) for each in told}
    assert len(plain) == len(set(plain))
    assert len(answers) == 4
    assert [chat for chat, text in answers if text == "我這邊出了點問題，請再試一次。"] == [poisoner]
    _, listed, _ = await bot_folder.command("trace", "--state", "quarantined", "--json")
    assert [road["id"] for road in json.loads(listed)] == [f"telegram/default/{poison}"]
