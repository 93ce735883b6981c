"""The simulated Bot API beside messages: who is who, commands, tokens, faults."""

import asyncio

import httpx
import pytest
import telegram
from telegram import BotCommand, BotCommandScopeAllGroupChats, BotCommandScopeChat
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter

from channels.clock import ManualClock
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.patience import PATIENCE_SECONDS
from tests.unit.simulator.conftest import open_bot


async def test_bot_knows_itself(simulator: Simulator, bot: telegram.Bot) -> None:
    me = await bot.get_me()
    assert str(me.id) == simulator.telegram_token.partition(":")[0]
    assert (me.is_bot, me.username, me.can_read_all_group_messages) == (True, "javis_simulated_bot", True)


async def test_wrong_token_is_unauthorized(simulator: Simulator) -> None:
    stranger = open_bot(simulator, "1:wrong")
    with pytest.raises(InvalidToken, match="rejected by the server"):
        await stranger.initialize()
    await stranger.request.shutdown()
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        answer = await http.get(f"{simulator.telegram_api_base}/bot1:wrong/getMe")
    assert answer.status_code == 401
    assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_unknown_method_is_not_found(simulator: Simulator) -> None:
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        answer = await http.post(f"{simulator.telegram_api_base}/bot{simulator.telegram_token}/danceTango")
    assert answer.status_code == 404
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


async def test_commands_are_kept_per_scope_and_language(simulator: Simulator, bot: telegram.Bot) -> None:
    await bot.set_my_commands([BotCommand("ask", "ask")])
    await bot.set_my_commands([BotCommand("ask", "問")], language_code="zh")
    await bot.set_my_commands([BotCommand("kimi", "群組")], scope=BotCommandScopeAllGroupChats())
    assert [each.description for each in await bot.get_my_commands()] == ["ask"]
    assert [each.description for each in await bot.get_my_commands(language_code="zh")] == ["問"]
    state, chats = simulator.telegram.state, simulator.telegram.chats
    assert state.menu(chats[FIRST_USER], FIRST_USER) == [{"command": "ask", "description": "問"}]
    assert state.menu(chats[GROUP], FIRST_USER) == [{"command": "kimi", "description": "群組"}]
    await bot.delete_my_commands(scope=BotCommandScopeAllGroupChats())
    assert state.menu(chats[GROUP], FIRST_USER) == [{"command": "ask", "description": "問"}]


async def test_scope_of_one_chat_comes_first(simulator: Simulator, bot: telegram.Bot) -> None:
    await bot.set_my_commands([BotCommand("a", "everywhere")])
    await bot.set_my_commands([BotCommand("b", "here")], scope=BotCommandScopeChat(GROUP))
    assert simulator.telegram.state.menu(simulator.telegram.chats[GROUP], FIRST_USER)[0]["command"] == "b"


@pytest.mark.parametrize("name", ["Upper", "with space", "x" * 33])
async def test_command_with_a_wrong_name_is_refused(bot: telegram.Bot, name: str) -> None:
    with pytest.raises(BadRequest, match=r"(?i)BOT_COMMAND_INVALID"):
        await bot.set_my_commands([BotCommand(name, "x")])


async def test_chat_and_members_are_told(bot: telegram.Bot) -> None:
    chat = await bot.get_chat(GROUP)
    assert (chat.type, chat.title) == ("supergroup", "Javis 試用群組")
    assert (await bot.get_chat_member(GROUP, FIRST_USER)).status == "creator"
    assert (await bot.get_chat_member(GROUP, FIRST_USER + 1)).status == "member"
    assert (await bot.get_chat_member(FIRST_USER, FIRST_USER + 1)).status == "left"
    assert [each.user.id for each in await bot.get_chat_administrators(GROUP)] == [FIRST_USER]
    with pytest.raises(BadRequest, match=r"(?i)user not found"):
        await bot.get_chat_member(GROUP, 5)


async def test_webhook_info_counts_what_is_pending(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "x")
    info = await bot.get_webhook_info()
    assert (info.url, info.pending_update_count) == ("", 1)
    await bot.delete_webhook()
    assert len(simulator.telegram.pending) == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert simulator.telegram.pending == []


async def test_calls_are_counted_by_method(simulator: Simulator, bot: telegram.Bot) -> None:
    await bot.send_message(GROUP, "x")
    await bot.send_message(GROUP, "y")
    assert simulator.telegram.calls["sendMessage"] == 2


@pytest.mark.filterwarnings("ignore:Deprecated since version v22.2")
async def test_rate_limit_fault_hits_the_next_calls_and_records_nothing(
    simulator: Simulator, bot: telegram.Bot
) -> None:
    simulator.telegram.faults.switch_on("rate_limit", "sendMessage", count=2, seconds=7)
    for _ in range(2):
        with pytest.raises(RetryAfter, match="Retry in 7 seconds"):
            await bot.send_message(GROUP, "x")
    assert simulator.telegram.sent() == []
    await bot.send_message(GROUP, "x")
    assert len(simulator.telegram.sent()) == 1


@pytest.mark.parametrize("status", [500, 502])
@pytest.mark.filterwarnings("ignore")
async def test_server_error_fault_records_nothing(simulator: Simulator, bot: telegram.Bot, status: int) -> None:
    simulator.telegram.faults.switch_on("server_error", "sendMessage", status=status)
    with pytest.raises(NetworkError):
        await bot.send_message(GROUP, "x")
    assert simulator.telegram.sent() == []
    simulator.telegram.faults.clear()
    await bot.send_message(GROUP, "x")


async def test_lost_answer_is_recorded_all_the_same(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.faults.switch_on("lose_answer", "sendMessage", count=1)
    with pytest.raises(NetworkError) as caught:
        await bot.send_message(GROUP, "x")
    assert isinstance(caught.value.__cause__, httpx.RemoteProtocolError | httpx.ReadError)
    assert [each["text"] for each in simulator.telegram.sent()] == ["x"]


async def test_disconnect_hits_every_method_and_records_nothing(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.faults.switch_on("disconnect", count=2)
    with pytest.raises(NetworkError):
        await bot.send_message(GROUP, "x")
    with pytest.raises(NetworkError):
        await bot.get_updates()
    assert simulator.telegram.sent() == []
    assert await bot.get_updates() == ()


async def test_delayed_answer_comes_late_but_the_message_is_there_at_once(
    simulator: Simulator, bot: telegram.Bot, clock: ManualClock
) -> None:
    simulator.telegram.faults.switch_on("delay", "sendMessage", count=1, seconds=60)
    sending = asyncio.create_task(bot.send_message(GROUP, "x"))
    assert [each["text"] for each in await simulator.telegram.wait_for_sent(1)] == ["x"]
    while not clock.sleepers:
        await asyncio.sleep(0)
    await clock.advance(59)
    assert not sending.done()
    await clock.advance(1)
    assert (await sending).text == "x"


@pytest.mark.parametrize(("kind", "count"), [("not_json", 1), ("delay", 0)])
async def test_fault_that_cannot_happen_is_refused(simulator: Simulator, kind: str, count: int) -> None:
    with pytest.raises(ValueError, match=r"no fault 'not_json' here|at least once"):
        simulator.telegram.faults.switch_on(kind, count=count)  # type: ignore[arg-type]


async def test_waiting_for_messages_ends_when_the_condition_holds(simulator: Simulator, bot: telegram.Bot) -> None:
    waiting = asyncio.create_task(
        simulator.telegram.wait_for_sent(lambda sent: any(each["text"] == "done" for each in sent), GROUP)
    )
    message = await bot.send_message(GROUP, "…")
    assert not waiting.done()
    await bot.edit_message_text("done", GROUP, message.message_id)
    assert [each["text"] for each in await waiting] == ["done"]


async def test_waiting_may_be_for_the_last_update_to_be_confirmed(simulator: Simulator, bot: telegram.Bot) -> None:
    update_id = simulator.telegram.say(GROUP, FIRST_USER, "x")
    waiting = asyncio.create_task(simulator.telegram.wait_for_sent(lambda _: not simulator.telegram.pending))
    await bot.get_updates()
    assert not waiting.done()
    await bot.get_updates(offset=update_id + 1)
    assert await waiting == []
