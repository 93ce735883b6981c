"""Reminders and jobs in a running bot: set in chat and beside it, told at their time, cancelled with a button."""

import json
import re
from datetime import datetime

from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder


async def test_a_reminder_set_in_chat_is_told_and_another_one_cancelled(
    simulator: Simulator, bot_folder: BotFolder
) -> None:
    async with bot_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "2秒後提醒我喝水")
        confirmed, reminder = await simulator.telegram.wait_for_sent(2, FIRST_USER)
        assert confirmed["text"].startswith("⏰ 我會提醒你：喝水\n")
        assert reminder["text"] == "⏰ 喝水"
        far = (datetime.now().astimezone().hour + 12) % 24  # so that it is not due in the course of the test
        simulator.telegram.say(FIRST_USER, FIRST_USER, f"每天{far}:00提醒我吃藥")
        *_, daily = await simulator.telegram.wait_for_sent(3, FIRST_USER)
        assert f"cron 0 {far} * * *" in daily["text"]
        (found,) = re.findall(r"/cancel (job-[0-9a-f]{8})", daily["text"])
        simulator.telegram.say(FIRST_USER, FIRST_USER, "/tasks")
        *_, listed = await simulator.telegram.wait_for_sent(4, FIRST_USER)
        assert found in listed["text"]
        simulator.telegram.say(GROUP, FIRST_USER, f"/cancel {found}")  # another chat
        (refused,) = await simulator.telegram.wait_for_sent(1, GROUP)
        assert found in refused["text"]
        simulator.telegram.press(FIRST_USER, daily["message_id"], f"/cancel {found}", FIRST_USER)
        *_, cancelled = await simulator.telegram.wait_for_sent(5, FIRST_USER)
        assert cancelled["text"] == "🚫 不再提醒你：吃藥"
    assert [call["messages"][-1]["content"] for call in simulator.model.calls] == []


async def test_jobs_made_beside_the_running_bot(simulator: Simulator, bot_folder: BotFolder) -> None:
    to = ("--to", f"telegram:{FIRST_USER}")
    async with bot_folder.running():
        code, out, err = await bot_folder.command("cron", "add", "tea", "--every", "30m", "--say", "tea time", *to)
        assert code == 0, err
        assert "is due at" in out
        code, out, _ = await bot_folder.command("cron", "run", "tea")
        assert code == 0
        (told,) = await simulator.telegram.wait_for_sent(1, FIRST_USER)
        assert told["text"] == "tea time"
        code, out, _ = await bot_folder.command("cron", "list", "--json")
        (job,) = json.loads(out)
        assert (job["name"], job["schedule"], job["state"]) == ("tea", "every 30m", "on")
        code, _, _ = await bot_folder.command("cron", "remove", job["id"][:8])
        assert code == 0
    code, _, err = await bot_folder.command("cron", "add", "bad", "--every", "5s", "--say", "x", *to)
    assert code != 0
    assert "between 1m" in err
    assert "Traceback" not in err


async def test_a_heartbeat_is_asked_for_beside_the_running_bot(simulator: Simulator, bot_folder: BotFolder) -> None:
    code, _, err = await bot_folder.command("heartbeat", "run")
    assert code != 0
    assert "javis run" in err
    workspace = bot_folder.folder / "workspace"
    workspace.mkdir()
    (workspace / "HEARTBEAT.md").write_text("- look at the mail\n", encoding="utf-8")
    hours = {"start": "00:00", "end": "00:00"}
    bot_folder.change_settings(
        agents={"defaults": {"workspace": str(workspace)}},
        heartbeat={"active_hours": hours, "to": {"channel": "telegram", "chat": str(FIRST_USER)}},
    )
    simulator.model.reply_with("The mail is full.")
    async with bot_folder.running():
        code, out, err = await bot_folder.command("heartbeat", "run", "--json")
        assert code == 0, err
        (found,) = json.loads(out)
        assert (found["agent"], found["run"]) == ("main", True)
        (alert,) = await simulator.telegram.wait_for_sent(1, FIRST_USER)
        assert alert["text"] == "The mail is full."
        code, out, _ = await bot_folder.command("heartbeat", "status")
        assert "interval not elapsed" in out
