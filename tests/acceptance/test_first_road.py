"""From a person's words in a Telegram group to the answers there, over real sockets and real processes."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder


@pytest.fixture(params=["sqlite", "postgresql"])
def bot_folder(request: pytest.FixtureRequest, tmp_path: Path, simulator: Simulator) -> BotFolder:
    url = None if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    return BotFolder(tmp_path, simulator, url)


@pytest.fixture
def file_folder(tmp_path: Path, simulator: Simulator) -> BotFolder:
    return BotFolder(tmp_path, simulator)


KIMI_LINE = "Kimi：寫一個 Python 的費波那契函數，包含單元測試"


async def test_kimi_line_in_a_group_is_acknowledged_then_reported(simulator: Simulator, bot_folder: BotFolder) -> None:
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, KIMI_LINE)
        acknowledgement, notice = await simulator.telegram.wait_for_sent(2, GROUP)
        await simulator.telegram.wait_for_sent(2, GROUP)
    name = "寫一個 Python 的費波那契函數，包含單元測試"
    assert acknowledgement["text"] == f"✅ Kimi 任務已派發：{name}\n完成後會自動通知你！"
    lines = notice["text"].split("\n")
    assert lines[:3] == ["✅ Kimi 任務完成！", "", f"📋 任務：{name}"]
    assert lines[3].startswith("🤖 模型：moonshot-v1-128k")
    assert lines[4].startswith("💾 Token：")
    assert lines[5:7] == ["", "📝 結果摘要："]
    assert lines[-1].startswith("💡 完整結果：/tasks kimi-")


async def test_finished_task_has_a_result_file_that_says_acknowledged(
    simulator: Simulator, bot_folder: BotFolder
) -> None:
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, "kimi: name=報告 priority=high 寫一份報告")
        await simulator.telegram.wait_for_sent(2, GROUP)
    async with bot_folder.running():  # what the stop left stale is written at the next start
        await simulator.telegram.wait_for_sent(2, GROUP)
    results = bot_folder.home / "kimi-dispatch" / "results"
    latest = json.loads((results / "latest.json").read_text(encoding="utf-8"))
    assert latest["task_name"] == "報告"
    assert latest["status"] == "done"
    assert latest["acknowledged"] is True
    assert latest["notify"]["chat"] == str(GROUP)
    assert (results / f"{latest['task_id']}.json").stat().st_mode & 0o777 == 0o600


async def test_ordinary_message_is_answered_by_the_bound_agent(simulator: Simulator, bot_folder: BotFolder) -> None:
    async with bot_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "hello parrot")
        (echo,) = await simulator.telegram.wait_for_sent(1, FIRST_USER)
        simulator.telegram.say(GROUP, FIRST_USER, "你好")
        simulator.telegram.say(GROUP, FIRST_USER, "再說一次")
        await simulator.telegram.wait_for_sent(2, GROUP)
    assert echo["text"] == "hello parrot"
    first, second = simulator.model.calls
    assert "你好" in json.dumps(first["messages"], ensure_ascii=False)
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant", "user"]


async def test_history_survives_a_restart(simulator: Simulator, bot_folder: BotFolder) -> None:
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, "我的貓叫小黑")
        await simulator.telegram.wait_for_sent(1, GROUP)
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, "我的貓叫什麼？")
        await simulator.telegram.wait_for_sent(2, GROUP)
    told = [message["content"] for message in simulator.model.calls[-1]["messages"]]
    assert any("小黑" in content for content in told)


async def test_task_given_on_the_command_line_is_reported_by_the_running_bot(
    simulator: Simulator, bot_folder: BotFolder
) -> None:
    async with bot_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "up?")
        await simulator.telegram.wait_for_sent(1, FIRST_USER)
        code, out, err = await bot_folder.command("kimi", "寫一首詩", "詩", str(GROUP))
        assert code == 0, err
        assert "✅ Kimi 任務已派發：詩" in out
        (notice,) = await simulator.telegram.wait_for_sent(1, GROUP)
    assert "📋 任務：詩" in notice["text"]


async def test_wrong_token_ends_with_one_line_and_an_exit_code(simulator: Simulator, bot_folder: BotFolder) -> None:
    settings = bot_folder.folder / "javis.yaml"
    data = json.loads(settings.read_text(encoding="utf-8"))
    data["channels"]["telegram"]["accounts"] = {"default": {"token": "1:" + "x" * 35}}
    settings.write_text(json.dumps(data), encoding="utf-8")
    code, _, err = await bot_folder.command("run")
    assert code == 2
    assert "token" in err.splitlines()[-1]
    assert "Traceback" not in err


async def test_backup_is_taken_beside_the_running_bot_or_left_to_pg_dump(
    simulator: Simulator, bot_folder: BotFolder
) -> None:
    copy = bot_folder.folder / "copy.db"
    async with bot_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "keep this")
        await simulator.telegram.wait_for_sent(1, FIRST_USER)
        code, out, err = await bot_folder.command("backup", str(copy))
    if bot_folder.database_url is not None:
        assert code == 2
        assert "pg_dump" in err
        assert bot_folder.database_url not in err
        return
    assert code == 0, err
    assert str(copy) in out
    with closing(sqlite3.connect(copy)) as database:
        assert database.execute("SELECT count(*) FROM messages WHERE content = 'keep this'").fetchone() == (2,)


async def test_newer_database_is_refused_with_one_line(simulator: Simulator, file_folder: BotFolder) -> None:
    async with file_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "hi")
        await simulator.telegram.wait_for_sent(1)
    with sqlite3.connect(file_folder.home / "javis.db") as database:
        database.execute("PRAGMA user_version = 9999")
    database.close()
    code, _, err = await file_folder.command("run")
    assert code != 0
    assert "newer" in err
    assert "Traceback" not in err


async def test_second_bot_on_the_same_data_is_refused(simulator: Simulator, file_folder: BotFolder) -> None:
    async with file_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "hi")
        await simulator.telegram.wait_for_sent(1)
        code, _, err = await file_folder.command("run")
    assert code != 0
    assert "another javis run" in err
