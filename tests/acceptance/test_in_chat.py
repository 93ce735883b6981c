"""Commands, buttons, pairing and the command line beside the running bot."""

import json
import socket

from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder
from tests.ports import free_port


async def test_button_of_a_notice_shows_the_whole_result(simulator: Simulator, bot_folder: BotFolder) -> None:
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, "Kimi: 寫一個 Python 的費波那契函數，包含單元測試")
        _, notice = await simulator.telegram.wait_for_sent(2, GROUP)
        ((button,),) = notice["reply_markup"]["inline_keyboard"]
        simulator.telegram.press(GROUP, notice["message_id"], button["callback_data"], FIRST_USER)
        *_, whole = await simulator.telegram.wait_for_sent(3, GROUP)
    assert "unittest" in whole["text"]


async def test_commands_answer_in_the_persons_language(simulator: Simulator, bot_folder: BotFolder) -> None:
    simulator.telegram.add_user(5, "Person", "en")
    async with bot_folder.running():
        for text in (
            "/start",
            "/help",
            "/tasks",
            "/cancel",
            "/retry kimi-1795233415-000",
            "/nonsense",
            "/new",
            "/status",
            "/ask",
        ):
            simulator.telegram.say(5, 5, text)
        answers = [message["text"] for message in await simulator.telegram.wait_for_sent(9, 5)]
        simulator.telegram.say(5, 5, "Kimi: priority=soon x")
        simulator.telegram.say(5, 5, "Kimi:")
        *_, wrong, empty = [message["text"] for message in await simulator.telegram.wait_for_sent(11, 5)]
    assert "Hello" in answers[0]
    assert "/kimi" in answers[1]
    assert answers[2].startswith("There are no tasks yet")
    assert answers[3].startswith("Which task?")
    assert answers[4].startswith("I find no task")
    assert "/nonsense" in answers[5]
    assert "fresh conversation" in answers[6]
    assert "Agent: parrot" in answers[7]
    assert answers[8].startswith("What would you like to ask?")
    assert "high, normal, low" in wrong
    assert empty.startswith("What should Kimi do?")


async def test_task_of_another_chat_is_not_shown(simulator: Simulator, bot_folder: BotFolder) -> None:
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, "Kimi: a secret")
        _, notice = await simulator.telegram.wait_for_sent(2, GROUP)
        task_id = notice["text"].split("/tasks ")[-1]
        simulator.telegram.say(FIRST_USER + 1, FIRST_USER + 1, f"/tasks {task_id}")
        (answer,) = await simulator.telegram.wait_for_sent(1, FIRST_USER + 1)
    assert "secret" not in answer["text"]


async def test_new_begins_with_an_empty_history(simulator: Simulator, bot_folder: BotFolder) -> None:
    async with bot_folder.running():
        for count, text in enumerate(("第一句", "/new", "第二句"), 1):
            simulator.telegram.say(GROUP, FIRST_USER, text)
            await simulator.telegram.wait_for_sent(count, GROUP)
    assert "第一句" not in json.dumps(simulator.model.calls[-1]["messages"], ensure_ascii=False)


async def test_running_task_is_cancelled_from_the_command_line(simulator: Simulator, bot_folder: BotFolder) -> None:
    simulator.model.faults.switch_on("delay", seconds=300)
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, "Kimi: slow")
        await simulator.telegram.wait_for_sent(1, GROUP)
        _, listed, _ = await bot_folder.command("tasks", "list", "--json")
        code, _, err = await bot_folder.command("tasks", "cancel", json.loads(listed)[0]["task_id"])
        assert code == 0, err
        _, notice = await simulator.telegram.wait_for_sent(2, GROUP)
    assert "slow" in notice["text"]
    assert "🚫" in notice["text"]


async def test_button_of_an_acknowledgement_cancels_the_task(simulator: Simulator, bot_folder: BotFolder) -> None:
    simulator.model.faults.switch_on("delay", seconds=300)
    async with bot_folder.running():
        simulator.telegram.say(GROUP, FIRST_USER, "Kimi: slow")
        (accepted,) = await simulator.telegram.wait_for_sent(1, GROUP)
        ((button,),) = accepted["reply_markup"]["inline_keyboard"]
        simulator.telegram.press(GROUP, accepted["message_id"], button["callback_data"], FIRST_USER)
        *_, notice = await simulator.telegram.wait_for_sent(3, GROUP)
    assert button["text"] == "取消"
    assert notice["text"].startswith("🚫")


async def test_stranger_is_let_in_with_the_code(simulator: Simulator, bot_folder: BotFolder) -> None:
    settings = bot_folder.folder / "javis.yaml"
    data = json.loads(settings.read_text(encoding="utf-8"))
    del data["channels"]["telegram"]["dm_policy"]
    settings.write_text(json.dumps(data), encoding="utf-8")
    async with bot_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "hello?")
        simulator.telegram.say(FIRST_USER, FIRST_USER, "anybody?")
        (told,) = await simulator.telegram.wait_for_sent(1, FIRST_USER)
        code, out, err = await bot_folder.command("pairing", "approve", told["text"].split("approve ")[1][:8])
        assert code == 0, err
        assert str(FIRST_USER) in out
        for _ in range(50):  # the bot notices within a second
            simulator.telegram.say(FIRST_USER, FIRST_USER, "hello again")
            await bot_folder.command("version")
            if len(simulator.telegram.sent(FIRST_USER)) > 1:
                break
    assert simulator.telegram.sent(FIRST_USER)[1]["text"] == "hello again"


async def test_doctor_and_lists_work_beside_the_running_bot(simulator: Simulator, bot_folder: BotFolder) -> None:
    async with bot_folder.running():
        simulator.telegram.say(FIRST_USER, FIRST_USER, "hi")
        await simulator.telegram.wait_for_sent(1)
        code, out, err = await bot_folder.command("doctor")
        assert code in {0, 1}, out + err
        assert "@javis_simulated_bot" in out
        code, out, _ = await bot_folder.command("status")
        assert out.startswith("A bot is running.")
        code, out, _ = await bot_folder.command("deliveries", "list", "--json")
        item = json.loads(out)[0]
        code, out, _ = await bot_folder.command("deliveries", "show", item["id"][:6], "--json")
        assert json.loads(out)["payload"]["text"] == "hi"
        code, _, err = await bot_folder.command("deliveries", "drop", item["id"])
        assert code == 1
        assert "can be dropped" in err


async def test_doctor_asks_the_gateway_how_it_is(bot_folder: BotFolder) -> None:
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        bot_folder.change_settings(gateway={"port": port})
        _, out, _ = await bot_folder.command("doctor")
        assert f"the gateway cannot listen at 127.0.0.1:{port}" in out
    _, out, _ = await bot_folder.command("doctor")
    assert f"the gateway can listen at 127.0.0.1:{port}" in out
    async with bot_folder.running():
        _, out, _ = await bot_folder.command("doctor")
        assert f"the gateway answers at 127.0.0.1:{port}" in out
    bot_folder.change_settings(gateway={"port": port, "host": "0.0.0.0"})  # noqa: S104 - to be refused
    code, out, _ = await bot_folder.command("doctor")
    assert code == 2
    assert "JAVIS_GATEWAY_TOKEN" in out


async def test_broken_files_are_told_with_line_and_remedy(simulator: Simulator, bot_folder: BotFolder) -> None:
    (bot_folder.folder / "bindings.yaml").write_text("agents: [{id: main}]\nbindings:\n  - {agnt: main, match: {}}\n")
    code, _, err = await bot_folder.command("run")
    assert code == 2
    assert "bindings.yaml:3:" in err
    assert "'agent'" in err
    code, _, err = await bot_folder.command("bindings", "explain", "--channel", "telegram", "--peer", "-5")
    assert code == 2
    (bot_folder.folder / "bindings.yaml").write_text(
        "agents: [{id: main}]\nbindings:\n"
        "  - {agent: main, match: {channel: telegram, peer: {kind: group, id: '-5'}}}\n"
        "  - {agent: main, match: {channel: telegram, peer: {kind: group, id: '-5'}}}\n"
    )
    code, out, _ = await bot_folder.command("bindings", "check")
    assert (code, "bindings.yaml:4" in out) == (1, True)
    code, out, _ = await bot_folder.command("bindings", "explain", "--channel", "telegram", "--peer", "-5", "--json")
    assert (code, json.loads(out)["tier"]) == (0, "peer")
    code, out, _ = await bot_folder.command("bindings", "list")
    assert "telegram" in out


async def test_agent_answers_in_the_terminal_and_remembers(simulator: Simulator, bot_folder: BotFolder) -> None:
    code, out, err = await bot_folder.command("agent", "-m", "我的貓叫小黑")
    assert code == 0, err
    assert "小黑" in out
    code, out, err = await bot_folder.command("agent", "-m", "牠叫什麼？")
    assert code == 0, err
    assert "小黑" in json.dumps(simulator.model.calls[-1]["messages"], ensure_ascii=False)
    code, out, err = await bot_folder.command("agent", "--agent", "parrot", "-m", "polly")
    assert (code, out) == (0, "polly\n"), err
    _, out, _ = await bot_folder.command("trace", "--json")
    road = json.loads(out)[0]
    assert (road["state"], road["agent"]) == ("done", "parrot")
    code, out, err = await bot_folder.command("trace", road["id"])
    assert code == 0, err
    for line in (
        "Admission: The sender may speak here.",
        "Answering: The agent has answered.",
        "Delivery: It has arrived.",
    ):
        assert line in out
    _, out, _ = await bot_folder.command("trace", road["id"], "--json")
    assert json.loads(out)[0]["deliveries"][0]["state"] == "sent"
    code, _, err = await bot_folder.command("trace", "nonsense")
    assert (code, "nothing is known of 'nonsense'" in err) == (1, True)
    code, _, err = await bot_folder.command("agent", "--agent", "nobody", "-m", "x")
    assert code == 2
    assert "there are main, parrot" in err
