"""From a person's words in a Discord server to the answers there, over real sockets and real processes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from channels.clock import SystemClock
from channels.simulator.discord.interactions import COMMAND_ANSWER, DEFERRED_MESSAGE, DEFERRED_UPDATE
from channels.simulator.discord.posts import LOADING
from channels.simulator.discord.seed import CHANNEL, OTHER_CHANNEL, PEOPLE
from channels.simulator.discord.stand_in import DiscordStandIn
from channels.simulator.discord.state import BOT_ID, EPHEMERAL
from channels.simulator.server import Simulator, run_simulator
from tests.acceptance.bot_process import BotFolder
from tests.acceptance.conftest import DISCORD_BINDINGS, connected, discord_settings

ME = PEOPLE[0]


def contents(simulator: Simulator, channel: str) -> list[str]:
    return [message["content"] for message in simulator.discord.sent(channel)]


async def deferred(platform: DiscordStandIn, begin: Callable[[], str]) -> None:
    """Begin an interaction, and anew for as long as a busy machine cannot store it in Discord's time."""
    while await platform.first_response(begin()) not in {DEFERRED_MESSAGE, DEFERRED_UPDATE}:
        pass


def public(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is said to all: neither thoughts that are not answers yet, nor what the asker alone sees."""
    return [each for each in sent if each["content"] and not each["flags"] & EPHEMERAL]


async def test_mention_in_a_server_is_answered_and_idle_talk_is_not(
    simulator: Simulator, discord_folder: BotFolder
) -> None:
    platform = simulator.discord
    async with discord_folder.running():
        await connected(simulator)
        platform.say(CHANNEL, ME, "just us talking")
        question = platform.say(CHANNEL, ME, f"<@{BOT_ID}> hello *you*")
        await platform.wait_for_sent(1, CHANNEL)
        platform.say(OTHER_CHANNEL, PEOPLE[1], f"<@{BOT_ID}> 你好")
        await platform.wait_for_sent(1, OTHER_CHANNEL)
    (answer,) = platform.sent(CHANNEL)
    assert answer["content"] == "hello *you*"
    assert answer["message_reference"]["message_id"] == question
    assert answer["mentions"] == []
    assert "你好" in json.dumps(simulator.model.calls[0]["messages"], ensure_ascii=False)


async def test_thread_inherits_the_binding_of_its_channel(simulator: Simulator, discord_folder: BotFolder) -> None:
    platform = simulator.discord
    async with discord_folder.running():
        await connected(simulator)
        question = platform.say(CHANNEL, PEOPLE[1], "long story")
        thread = platform.start_thread(CHANNEL, ME, "Story", at=question)
        platform.say(thread, ME, f"<@{BOT_ID}> polly")
        await platform.wait_for_sent(1, thread)
        code, out, _ = await discord_folder.command("sessions", "list", "--json")
    assert contents(simulator, thread) == ["polly"]
    assert contents(simulator, CHANNEL) == []
    assert code == 0
    assert f"agent:parrot:discord:channel:{CHANNEL}:thread:{thread}" in out


async def test_direct_chat_needs_no_mention(simulator: Simulator, discord_folder: BotFolder) -> None:
    platform = simulator.discord
    direct = platform.state.direct_chat(ME)
    assert direct is not None
    async with discord_folder.running():
        await connected(simulator)
        platform.say(direct.id, ME, "我的貓叫小黑")
        await platform.wait_for_sent(1, direct.id)
    assert "小黑" in json.dumps(simulator.model.calls[0]["messages"], ensure_ascii=False)


async def test_kimi_command_is_deferred_acknowledged_and_reported(
    simulator: Simulator, discord_folder: BotFolder
) -> None:
    platform = simulator.discord
    simulator.model.faults.switch_on("delay", count=1, seconds=1)
    async with discord_folder.running():
        await connected(simulator)
        await deferred(platform, lambda: platform.command(CHANNEL, ME, "kimi", {"text": "寫一首詩"}))
        await platform.wait_for_sent(lambda sent: len(public(sent)) == 2, CHANNEL)
        acknowledgement, notice = public(platform.sent(CHANNEL))
        custom_id = notice["components"][0]["components"][0]["custom_id"]
        await deferred(platform, lambda: platform.press(CHANNEL, notice["id"], custom_id, ME))
        await platform.wait_for_sent(3, CHANNEL)
    assert (acknowledgement["type"], acknowledgement["flags"] & LOADING) == (COMMAND_ANSWER, 0)
    assert acknowledgement["content"] == "✅ Kimi 任務已派發：寫一首詩\n完成後會自動通知你！"
    assert notice["content"].startswith("✅ Kimi 任務完成！\n\n📋 任務：寫一首詩")


async def test_command_offers_the_persons_tasks_while_typing(simulator: Simulator, discord_folder: BotFolder) -> None:
    platform = simulator.discord
    async with discord_folder.running():
        await connected(simulator)
        await deferred(platform, lambda: platform.command(CHANNEL, ME, "kimi", {"text": "寫一首詩"}))
        await platform.wait_for_sent(lambda sent: len(public(sent)) == 2, CHANNEL)
        choices: list[dict[str, Any]] = []
        while not choices:  # a busy machine may not suggest anything in time: one types on
            choices = await platform.suggest(CHANNEL, ME, "tasks", "text", "")
    assert any("寫一首詩" in each["name"] and each["value"].startswith("kimi-") for each in choices)


async def test_what_was_said_while_the_bot_was_away_is_answered_once(
    simulator: Simulator, discord_folder: BotFolder
) -> None:
    platform = simulator.discord
    direct = platform.state.direct_chat(ME)
    assert direct is not None
    async with discord_folder.running():
        await connected(simulator)
        for place in (CHANNEL, direct.id):
            platform.say(place, ME, f"<@{BOT_ID}> zero")
            await platform.wait_for_sent(1, place)
    for text in ("one", "two", "three"):
        platform.say(CHANNEL, ME, f"<@{BOT_ID}> {text}")
    platform.say(direct.id, ME, "direct")
    async with discord_folder.running():
        await platform.wait_for_sent(4, CHANNEL)
        await platform.wait_for_sent(2, direct.id)
    async with discord_folder.running():
        platform.say(CHANNEL, ME, f"<@{BOT_ID}> four")
        await platform.wait_for_sent(5, CHANNEL)
    assert contents(simulator, CHANNEL) == ["zero", "one", "two", "three", "four"]
    assert len(contents(simulator, direct.id)) == 2


async def test_commands_are_published_once_for_as_long_as_they_stay_the_same(
    simulator: Simulator, discord_folder: BotFolder
) -> None:
    for answers in (1, 2):
        async with discord_folder.running():
            await connected(simulator)
            simulator.discord.say(CHANNEL, ME, f"<@{BOT_ID}> up?")
            await simulator.discord.wait_for_sent(answers, CHANNEL)
    assert simulator.discord.calls["putCommands"] == 1


async def test_missed_messages_survive_a_restart_of_the_simulator_too(tmp_path: Path) -> None:
    for text, expected in (("first", 1), ("second", 2)):
        async with run_simulator(port=0, state_dir=tmp_path / "platforms", clock=SystemClock()) as simulator:
            folder = tmp_path / "bot"
            bot = BotFolder(folder, simulator)
            channels = {"discord": discord_settings(simulator) | {"require_mention": False}}
            bot.change_settings(channels=channels | {"telegram": {"enabled": False}})
            (folder / "bindings.yaml").write_text(DISCORD_BINDINGS, encoding="utf-8")
            missed = text != "first"
            if missed:
                simulator.discord.say(CHANNEL, ME, text)
            async with bot.running():
                await connected(simulator)
                if not missed:  # what was said before a bot's first start it need not answer
                    simulator.discord.say(CHANNEL, ME, text)
                await simulator.discord.wait_for_sent(expected, CHANNEL)
            assert contents(simulator, CHANNEL)[-1] == text
