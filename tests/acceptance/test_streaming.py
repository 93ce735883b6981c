"""Answers that are shown while they are written, through a real bot: killed, stopped, and left to end."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from channels.simulator.discord.seed import OTHER_CHANNEL, PEOPLE
from channels.simulator.discord.state import BOT_ID
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, ended
from tests.acceptance.conftest import connected
from tests.scene import scene_in

STORY = "Once **upon a time** " + "and then and then " * 400
BINDINGS = "defaults: {agent: main}\nagents: [{id: main, kind: llm, model: kimi}]\nbindings: []\n"


async def test_killed_in_mid_stream_gives_one_answer_on_each_platform(
    simulator: Simulator, discord_folder: BotFolder
) -> None:
    path = discord_folder.folder / "javis.yaml"
    channels = json.loads(path.read_text(encoding="utf-8"))["channels"]
    channels["telegram"]["streaming"] = True
    channels["discord"]["accounts"]["default"]["streaming"] = True
    discord_folder.change_settings(channels=channels)
    simulator.model.faults.switch_on("slow", seconds=0.05)
    simulator.model.reply_with(STORY, STORY, "The end.", "The end.")
    process = await discord_folder.start("run")
    await connected(simulator)
    simulator.telegram.say(GROUP, FIRST_USER, "A story!")
    simulator.discord.say(OTHER_CHANNEL, PEOPLE[0], f"<@{BOT_ID}> A story!")
    # An edit shows that the name of the message was kept before.
    await simulator.telegram.wait_for_sent(lambda sent: any("edit_date" in each for each in sent))
    await simulator.discord.wait_for_sent(lambda sent: any(each["edited_timestamp"] for each in sent))
    process.kill()
    await ended(process)
    (begun,), (begun_there,) = simulator.telegram.sent(), simulator.discord.sent()
    assert begun["text"].startswith("Once upon a time and then")
    assert begun_there["content"].startswith("Once **upon a time** and then")
    simulator.model.faults.clear()
    async with discord_folder.running():
        (told,) = await simulator.telegram.wait_for_sent(lambda sent: [each["text"] for each in sent] == ["The end."])
        (there,) = await simulator.discord.wait_for_sent(
            lambda sent: [each["content"] for each in sent] == ["The end."]
        )
    assert told["message_id"] == begun["message_id"]
    assert there["id"] == begun_there["id"]


async def test_stopped_in_mid_stream_keeps_what_was_said_and_remembers_it(tmp_path: Path) -> None:
    (tmp_path / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")
    async with scene_in(tmp_path, streaming=True) as scene:
        platform = scene.simulator.telegram
        scene.simulator.model.faults.switch_on("slow", seconds=0.05)
        scene.simulator.model.reply_with(STORY)
        platform.say(FIRST_USER, FIRST_USER, "A story!")
        await platform.wait_for_sent(1)
        platform.say(FIRST_USER, FIRST_USER, "/cancel")
        await platform.wait_for_sent(2)
        scene.simulator.model.faults.clear()
        scene.simulator.model.reply_with("Well **then**.")
        platform.say(FIRST_USER, FIRST_USER, "Go on")
        shown, stopped, after = await platform.wait_for_sent(3)
    assert shown["text"].startswith("Once upon a time")
    assert shown["text"].endswith(" …")
    assert "🛑" in stopped["text"]
    assert after["text"] == "Well then."
    *_, question, beginning, _go_on = scene.simulator.model.calls[-1]["messages"]
    assert question["content"] == "A story!"
    assert STORY.startswith(beginning["content"])
    with closing(sqlite3.connect(next(tmp_path.rglob("javis.db")))) as database:
        states = database.execute("SELECT state FROM outbox").fetchall()
    assert states == [("sent",)] * 3
