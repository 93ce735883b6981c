"""Speaking with agents through the gateway: one answer for each message, events in order, nothing for others."""

import asyncio
import json
from pathlib import Path

import pytest

from channels.clock import SystemClock
from channels.simulator.server import run_simulator
from tests.gateway_bot import TOKEN, CallFailed, GatewayBot, gateway_bot
from tests.patience import PATIENCE_SECONDS

MINE = "agent:parrot:web:direct:me"


async def test_send_waits_for_the_answer(bot: GatewayBot) -> None:
    async with bot.client() as client:
        said = await client.call("chat.send", text="hello, 你好 👋", sender="me")
        assert said["text"] == "hello, 你好 👋"
        assert said["session_key"] == MINE
        assert said["tokens_used"] == 0
        again = await client.call("chat.send", text="again", session_key=MINE.upper())
        assert again["session_key"] == MINE
        history = await client.call("chat.history", session_key=MINE)
        assert [(each["role"], each["content"]) for each in history["messages"]] == [
            ("user", "hello, 你好 👋"),
            ("assistant", "hello, 你好 👋"),
            ("user", "again"),
            ("assistant", "again"),
        ]
        (session,) = (await client.call("sessions.list"))["sessions"]
        assert (session["session_key"], session["messages"]) == (MINE, 4)


async def test_send_over_plain_http(bot: GatewayBot) -> None:
    body = {"jsonrpc": "2.0", "method": "chat.send", "params": {"text": "hello"}, "id": 1}
    said = (await bot.post(body)).json()["result"]
    assert (said["text"], said["session_key"]) == ("hello", "agent:parrot:web:direct:environment")


async def test_the_same_message_is_answered_once_with_the_same_answer(bot: GatewayBot) -> None:
    async with bot.client() as client:
        first = await client.call("chat.send", text="once", sender="me", message_id="m-1")
        again = await client.call("chat.send", text="once", sender="me", message_id="m-1")
        assert (again["text"], again["message_id"]) == (first["text"], "m-1")
        assert len((await client.call("chat.history", session_key=MINE))["messages"]) == 2


async def test_the_same_id_in_another_session_is_another_message(bot: GatewayBot) -> None:
    async with bot.client() as client:
        mine, yours = await asyncio.gather(
            client.call("chat.send", text="of mine", sender="me", message_id="1"),
            client.call("chat.send", text="of yours", sender="you", message_id="1"),
        )
        assert (mine["text"], yours["text"]) == ("of mine", "of yours")


async def test_a_stream_is_told_as_events_with_rising_numbers(bot: GatewayBot) -> None:
    async with bot.client() as client:
        accepted = await client.call("chat.send_stream", text="hello", sender="me")
        assert accepted["stream"] is True
        start = await client.next_event("chat.start")
        end = await client.next_event("chat.end")
        assert start["message_id"] == end["message_id"] == accepted["message_id"]
        assert (end["text"], end["session_key"]) == ("hello", MINE)
        assert start["seq"] < end["seq"]


async def test_events_go_to_clients_of_the_session_alone_and_can_be_read_on(bot: GatewayBot) -> None:
    async with bot.client() as mine, bot.client() as other, bot.client() as reader:
        await reader.call("chat.history", session_key=MINE)
        seq = (await reader.call("identify"))["seq"]
        await other.call("chat.send", text="elsewhere", sender="you")
        await mine.call("chat.send", text="here", sender="me")
        assert (await reader.next_event("chat.end"))["text"] == "here"
        assert {event["session_key"] for event in list(other.events._queue)} == {"agent:parrot:web:direct:you"}  # type: ignore[attr-defined]
    async with bot.client() as returned:
        await returned.call("identify", sessions=[MINE], since=seq)
        assert (await returned.next_event("chat.end"))["text"] == "here"
        with pytest.raises(CallFailed):
            await returned.call("identify", since=1)


async def test_events_are_repeated_though_newer_ones_were_told_before(bot: GatewayBot) -> None:
    async with bot.client() as mine, bot.client() as returned:
        seq = (await mine.call("identify"))["seq"]
        await mine.call("chat.send", text="missed", sender="me")
        await mine.call("tasks.create", prompt="write")
        newest = (await returned.next_event("task.update"))["seq"]
        await returned.call("identify", sessions=[MINE.upper()], since=seq)
        missed = await returned.next_event("chat.end")
        assert missed["text"] == "missed"
        assert missed["seq"] < newest
        await mine.call("chat.send", text="once", sender="me")
        assert (await returned.next_event("chat.start"))["seq"] > newest
        assert (await returned.next_event("chat.end"))["text"] == "once"


async def test_who_shows_the_token_late_joins_and_reads_on_in_one_call(bot: GatewayBot) -> None:
    async with bot.client() as mine, bot.client(token=None) as page:
        seq = (await mine.call("identify"))["seq"]
        await mine.call("chat.send", text="missed", sender="me")
        await page.call("identify", token=TOKEN, sessions=[MINE], since=seq)
        assert (await page.next_event("chat.end"))["text"] == "missed"
        await mine.call("chat.send", text="fresh", sender="me")
        assert (await page.next_event("chat.end"))["text"] == "fresh"
        with pytest.raises(CallFailed):
            await page.call("identify", sessions=["nonsense"])


async def test_commands_and_tasks_are_answered_too(bot: GatewayBot) -> None:
    async with bot.client() as client:
        assert "/kimi" in (await client.call("chat.send", text="/help", sender="me"))["text"]
        told = await client.call("chat.send", text="Kimi: name=報告 write it", sender="me", language="zh-TW")
        assert told["text"].startswith("✅ Kimi 任務已派發：報告")
        (task,) = (await client.call("tasks.list"))["tasks"]
        assert task["notify"]["chat"] == MINE
        update = await client.next_event("task.update")
        assert update["task_id"] == task["task_id"]
        notice = await client.next_event("chat.message")
        assert "報告" in notice["text"]


async def test_words_that_lead_nowhere_are_told_so(bot: GatewayBot) -> None:
    async with bot.client() as client:
        for params, code in (
            ({"text": ""}, -32602),
            ({"text": " \n"}, -32602),
            ({"text": "x", "session_key": "nonsense"}, -32602),
            ({"text": "x", "session_key": "agent:nobody:main"}, -32004),
            ({"text": "x", "session_key": MINE, "channel": "telegram"}, -32602),
            ({"text": "x", "odd": 1}, -32602),
            ({"text": "x", "channel": "web", "sender": "s" * 257}, -32602),
            ({"text": "x", "channel": "web", "peer": {"id": "p" * 257}}, -32602),
        ):
            with pytest.raises(CallFailed) as failed:
                await client.call("chat.send", **params)
            assert failed.value.code == code


async def test_speaking_as_somebody_of_another_channel(bot: GatewayBot) -> None:
    async with bot.client() as client:
        where = {"channel": "telegram", "peer": {"kind": "group", "id": "-100"}, "sender": "5"}
        route = await client.call("routing.resolve", **where)
        assert (route["agent"], route["session_key"]) == ("main", "agent:main:telegram:group:-100")
        by_context = await client.call("chat.send_stream", text="hi", context={"channel": "telegram", "user_id": "5"})
        assert by_context["session_key"] == "agent:main:telegram:direct:5"


async def test_a_stranger_s_message_ends_too(tmp_path: Path) -> None:
    settings = {"gateway": {"port": 0, "rate_per_second": None}, "channels": {"web": {"dm_policy": "pairing"}}}
    async with gateway_bot(tmp_path, json.dumps(settings)) as bot, bot.client() as client:
        texts = []
        for _ in range(2):
            await client.call("chat.send_stream", text="hi", sender="me")
            end = await client.next_event("chat.end")
            assert end["refused"] == "dm_not_paired"
            texts.append(end["text"])
        assert "pairing" in texts[0]
        assert texts[1] == ""


async def test_a_model_answers_with_its_tokens(tmp_path: Path) -> None:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        environ = {"KIMI_API_KEY": simulator.model_key, "KIMI_API_URL": simulator.model_api_base}
        async with gateway_bot(tmp_path, environ=environ) as bot, bot.client() as client:
            simulator.model.reply_with("the answer")
            said = await client.call("chat.send", text="hi", session_key="agent:main:main")
            assert said["text"] == "the answer"
            assert said["tokens_used"] > 0


async def test_the_pieces_of_an_answer_come_as_they_are_written(tmp_path: Path) -> None:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        environ = {"KIMI_API_KEY": simulator.model_key, "KIMI_API_URL": simulator.model_api_base}
        async with gateway_bot(tmp_path, environ=environ) as bot, bot.client() as client:
            simulator.model.reply_with("the answer comes in several pieces")
            accepted = await client.call("chat.send_stream", text="hi", session_key="agent:main:main")
            pieces: list[str] = []
            while (event := await client.events.get())["type"] != "chat.end":
                assert event["message_id"] == accepted["message_id"]
                if event["type"] == "chat.delta":
                    pieces.append(event["delta"])
            assert len(pieces) > 1
            assert "".join(pieces) == event["text"] == "the answer comes in several pieces"
            assert event["tokens_used"] > 0


async def test_pieces_of_a_model_that_broke_off_are_made_void_by_another_start(tmp_path: Path) -> None:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        way = {"api_key": simulator.model_key, "api_base": simulator.model_api_base}
        models = [{"model_name": name, "model": f"moonshot/{name}", **way} for name in ("first", "second")]
        settings = {"gateway": {"port": 0, "rate_per_second": None}, "model_list": models}
        main = {"id": "main", "kind": "llm", "model": {"primary": "first", "fallbacks": ["second"]}}
        bindings = json.dumps({"defaults": {"agent": "main"}, "agents": [main], "bindings": []})
        async with gateway_bot(tmp_path, json.dumps(settings), bindings=bindings) as bot, bot.client() as client:
            simulator.model.faults.switch_on("break_off", count=1)
            simulator.model.reply_with("what the first one says is lost", "the answer of the second one")
            await client.call("chat.send_stream", text="hi", session_key="agent:main:main")
            starts, heard = 0, [""]
            while (event := await client.events.get())["type"] != "chat.end":
                if event["type"] == "chat.start":
                    starts += 1
                    heard.append("")
                elif event["type"] == "chat.delta":
                    heard[-1] += event["delta"]
            assert starts == 2
            assert "what the first".startswith(heard[1][:10])
            assert heard[2] == event["text"] == "the answer of the second one"


async def test_a_client_that_leaves_does_not_take_its_message_along(bot: GatewayBot) -> None:
    async with bot.client() as client:
        body = {"jsonrpc": "2.0", "method": "chat.send", "params": {"text": "keep me", "sender": "me"}, "id": 1}
        await client.socket.send(json.dumps(body))
    async with bot.client() as client:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len((await client.call("chat.history", session_key=MINE))["messages"]) < 2:
                await asyncio.sleep(0)


async def test_sessions_are_cleared_and_deleted(bot: GatewayBot) -> None:
    async with bot.client() as client:
        await client.call("chat.send", text="hello", sender="me")
        await client.call("chat.clear", session_key=MINE)
        assert (await client.call("chat.history", session_key=MINE))["messages"] == []
        await client.call("chat.send", text="hello", sender="me")
        await client.call("sessions.delete", session_key=MINE)
        with pytest.raises(CallFailed):
            await client.call("sessions.delete", session_key=MINE)


async def test_tasks_and_deliveries_over_rpc(bot: GatewayBot) -> None:
    async with bot.client() as client:
        created = await client.call("tasks.create", prompt="write", name="n", priority="low")
        assert created["state"] == "queued"
        await client.next_event("task.update")
        task = await client.call("tasks.get", task_id=created["task_id"][:24])
        assert (task["task_name"], task["prompt"]) == ("n", "write")
        while (await client.call("tasks.get", task_id=created["task_id"]))["state"] in {"queued", "running"}:
            await asyncio.sleep(0)
        with pytest.raises(CallFailed) as failed:
            await client.call("tasks.cancel", task_id=created["task_id"])
        assert failed.value.code == -32009
        assert (await client.call("tasks.retry", task_id=created["task_id"]))["task_id"] == created["task_id"]
        await client.call("chat.send", text="hello", sender="me")
        while not (sent := (await client.call("deliveries.list", state="sent"))["deliveries"]):
            await asyncio.sleep(0)
        assert sent[0]["channel"] == "web"
        with pytest.raises(CallFailed):
            await client.call("deliveries.retry", id=sent[0]["id"])


@pytest.mark.parametrize("prompt", ["", " \n\t", "\u3000\u200b"])
async def test_a_task_that_says_nothing_is_refused_whichever_way_it_comes(bot: GatewayBot, prompt: str) -> None:
    async with bot.client() as client:
        with pytest.raises(CallFailed) as failed:
            await client.call("tasks.create", prompt=prompt)
        assert failed.value.code == -32602
        assert "prompt" in str(failed.value)
        told = await client.call("chat.send", text=f"Kimi: {prompt}", sender="me")
        assert not told["text"].startswith("✅")
        assert (await client.call("tasks.list"))["tasks"] == []


async def test_a_task_for_an_agent_is_refused_where_there_is_none(bot: GatewayBot) -> None:
    async with bot.client() as client:
        with pytest.raises(CallFailed) as failed:
            await client.call("tasks.create", prompt="write", agent="nobody")
        assert failed.value.code == -32602
        created = await client.call("tasks.create", prompt="say it", agent="parrot")
        while (task := await client.call("tasks.get", task_id=created["task_id"]))["state"] in {"queued", "running"}:
            await asyncio.sleep(0)
        assert task["output"] == "say it"
        told = await client.call("chat.send", text="Kimi: agent=nobody x", sender="me")
        assert "agent=parrot, main" in told["text"]
        told = await client.call("chat.send", text="Kimi: agent=parrot hello", sender="me")
        assert told["text"].startswith("✅")
        while "📝" not in (notice := await client.next_event("chat.message"))["text"]:
            pass
        assert "hello" in notice["text"]


async def test_channels_metrics_and_bindings_are_told(bot: GatewayBot) -> None:
    async with bot.client() as client:
        (web,) = (await client.call("channels.status"))["channels"]
        assert (web["channel"], web["state"], web["identity"]) == ("web", "running", "the gateway")
        assert (await client.call("routing.bindings"))["bindings"][0]["agent"] == "main"
    metrics = (await bot.get("/metrics", headers=bot.headers)).text
    assert 'javis_channel_up{account="default",channel="web"} 1.0' in metrics
