"""What the simulator remembers in its folder."""

import re
import stat
from pathlib import Path

import pytest
from telegram import BotCommand

from channels.clock import ManualClock
from channels.simulator.journal import JournalInUse
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import run_simulator
from channels.simulator.storage import StateUnreadable
from channels.simulator.telegram.state import KEPT_MESSAGES
from tests.unit.simulator.conftest import open_bot


async def test_chats_commands_and_unconfirmed_updates_survive_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as first, open_bot(first) as bot:
        confirmed = first.telegram.say(GROUP, FIRST_USER, "confirmed")
        waiting = first.telegram.say(GROUP, FIRST_USER, "waiting")
        await bot.get_updates(offset=confirmed + 1)
        await bot.send_message(FIRST_USER, "one")
        await bot.send_message(GROUP, "two")
        gone = await bot.send_message(GROUP, "gone")
        await gone.delete()
        await bot.set_my_commands([BotCommand("ask", "ask")])
        document = (await bot.send_document(GROUP, b"content", filename="a.txt")).document
        first.telegram.add_group(-9, "forum", [FIRST_USER], kind="forum")
        topic = first.telegram.add_topic(-9, "news")
        first.telegram.faults.switch_on("disconnect")
        keys = (first.telegram_token, first.model_key)
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as second, open_bot(second) as bot:
        assert (second.telegram_token, second.model_key) == keys
        assert [update.update_id for update in await bot.get_updates()] == [waiting]
        assert [each.get("text") for each in second.telegram.sent()] == ["one", "two", None]
        assert [each.command for each in await bot.get_my_commands()] == ["ask"]
        assert document is not None
        file = await bot.get_file(document.file_id)
        assert bytes(await file.download_as_bytearray()) == b"content"
        assert (await bot.send_message(-9, "x", message_thread_id=topic)).message_thread_id == topic
        assert second.telegram.say(GROUP, FIRST_USER, "next") == waiting + 1
        assert second.telegram.chats[GROUP].last_message_id == gone.message_id + 2


async def test_journal_is_rewritten_shorter_at_start(tmp_path: Path) -> None:
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as first, open_bot(first) as bot:
        message = await bot.send_message(GROUP, "0")
        for number in range(1, 30):
            await bot.edit_message_text(str(number), GROUP, message.message_id)
    before = (tmp_path / "telegram.jsonl").stat().st_size
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as second:
        assert [each["text"] for each in second.telegram.sent()] == ["29"]
    assert (tmp_path / "telegram.jsonl").stat().st_size < before / 3


async def test_of_a_long_chat_the_end_is_kept(tmp_path: Path) -> None:
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as first:
        for number in range(KEPT_MESSAGES + 5):
            first.telegram.say(GROUP, FIRST_USER, str(number))
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock):
        pass
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as later:
        texts = [message["text"] for message in later.telegram.chats[GROUP].messages.values()]
        assert texts == [str(number) for number in range(5, KEPT_MESSAGES + 5)]


async def test_line_cut_by_a_crash_is_left_out(tmp_path: Path) -> None:
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as first:
        first.telegram.say(GROUP, FIRST_USER, "whole")
    with (tmp_path / "telegram.jsonl").open("a") as file:
        file.write('{"t":"message","mess')
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as second:
        assert [message["text"] for message in second.telegram.chats[GROUP].messages.values()] == ["whole"]
        second.telegram.say(GROUP, FIRST_USER, "more")
    async with run_simulator(port=0, state_dir=tmp_path, clock=clock) as third:
        assert len(third.telegram.chats[GROUP].messages) == 2


async def test_journal_that_makes_no_sense_is_named(tmp_path: Path) -> None:
    (tmp_path / "telegram.jsonl").write_text('{"t":"spell"}\n')
    with pytest.raises(StateUnreadable, match=r"delete it to begin anew.*telegram\.jsonl"):
        async with run_simulator(port=0, state_dir=tmp_path, clock=ManualClock()):
            pass


async def test_token_looks_real_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    async with run_simulator(port=0, state_dir=tmp_path / "deep" / "er", clock=ManualClock()) as simulator:
        assert re.fullmatch(r"\d{8,10}:[A-Za-z0-9_-]{35}", simulator.telegram_token)
    for name in ("telegram_token", "model_key", "telegram.jsonl"):
        assert stat.S_IMODE((tmp_path / "deep" / "er" / name).stat().st_mode) == 0o600


async def test_second_simulator_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    async with run_simulator(port=0, state_dir=tmp_path, clock=ManualClock()):
        with pytest.raises(JournalInUse, match="another simulator"):
            async with run_simulator(port=0, state_dir=tmp_path, clock=ManualClock()):
                pass


async def test_two_simulators_without_a_folder_share_nothing() -> None:
    clock = ManualClock()
    async with (
        run_simulator(port=0, state_dir=None, clock=clock) as one,
        run_simulator(port=0, state_dir=None, clock=clock) as other,
    ):
        one.telegram.say(GROUP, FIRST_USER, "here")
        assert other.telegram.pending == []
        assert one.telegram_token != other.telegram_token
