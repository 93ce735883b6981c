"""The page's server: who may ask it, what the control API does, and the process of its own."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from channels.clock import ManualClock
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator, run_simulator
from tests.patience import PATIENCE_SECONDS


def client(simulator: Simulator) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=simulator.url, timeout=PATIENCE_SECONDS)


async def test_page_and_its_files_come_with_a_strict_policy(simulator: Simulator) -> None:
    async with client(simulator) as http:
        for path in ("/", "/app.css", "/app.js", "/dom.js", "/message.js", "/panel.js", "/text.js", "/icon.svg"):
            response = await http.get(path)
            assert response.status_code == 200
            assert "default-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1"])
async def test_foreign_host_is_refused(simulator: Simulator, host: str) -> None:
    async with client(simulator) as http:
        for path in ("/", "/simulator/state"):
            assert (await http.get(path, headers={"Host": host})).status_code in {400, 403}


async def test_localhost_is_as_good_as_its_number(simulator: Simulator) -> None:
    port = httpx.URL(simulator.url).port
    async with client(simulator) as http:
        assert (await http.get("/", headers={"Host": f"localhost:{port}"})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_foreign_origin_cannot_speak(simulator: Simulator, origin: str) -> None:
    body = {"chat_id": GROUP, "user_id": FIRST_USER, "text": "forged"}
    async with client(simulator) as http:
        refused = await http.post("/simulator/say", json=body, headers={"Origin": origin})
        allowed = await http.post("/simulator/say", json=body, headers={"Origin": simulator.url})
    assert (refused.status_code, allowed.status_code) == (403, 200)
    assert len(simulator.telegram.pending) == 1


async def test_form_of_another_site_cannot_speak(simulator: Simulator) -> None:
    body = json.dumps({"chat_id": GROUP, "user_id": FIRST_USER, "text": "forged"})
    async with client(simulator) as http:
        response = await http.post("/simulator/say", content=body, headers={"Content-Type": "text/plain"})
    assert response.status_code == 415
    assert simulator.telegram.pending == []


async def test_people_speak_and_press_over_http(simulator: Simulator, bot: telegram.Bot) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("stop", callback_data="stop")]])
    async with client(simulator) as http:
        said = await http.post("/simulator/say", json={"chat_id": GROUP, "user_id": FIRST_USER, "text": "hi"})
        message = await bot.send_message(GROUP, "working", reply_markup=markup)
        press = {"chat_id": GROUP, "message_id": message.message_id, "callback_data": "stop", "user_id": FIRST_USER}
        await http.post("/simulator/press", json=press)
        many = [{"chat_id": GROUP, "user_id": FIRST_USER, "text": str(number)} for number in range(3)]
        ids = (await http.post("/simulator/say_many", json={"messages": many})).json()["update_ids"]
        await http.post("/simulator/inject", json={"update": {"update_id": ids[-1] + 1, "poll": 5}})
    assert said.json() == {"update_id": ids[0] - 2, "message_id": 1}
    assert [next(iter(update.keys() - {"update_id"})) for update in simulator.telegram.pending] == [
        "message", "callback_query", "message", "message", "message", "poll",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("say", {"chat_id": 1, "user_id": FIRST_USER, "text": "x"}),
        ("say", {"chat_id": GROUP, "user_id": FIRST_USER, "text": ""}),
        ("say", {"chat_id": GROUP, "user_id": FIRST_USER, "text": "x", "colour": "red"}),
        ("say", []),
        ("press", {"chat_id": GROUP, "message_id": 7, "callback_data": "x", "user_id": FIRST_USER}),
        ("faults", {"platform": "telegram", "kind": "not_json"}),
        ("faults", {"platform": "telegram"}),
        ("faults", {"platform": "model", "kind": "refuse", "reason": "bored"}),
        ("faults", {"kind": "delay", "count": 0}),
    ],
)
async def test_what_cannot_be_done_is_told_in_one_line(simulator: Simulator, path: str, body: Any) -> None:
    async with client(simulator) as http:
        response = await http.post(f"/simulator/{path}", json=body)
    assert response.status_code == 400
    assert "\n" not in response.json()["error"]


async def test_faults_are_switched_and_told_over_http(simulator: Simulator) -> None:
    async with client(simulator) as http:
        await http.post("/simulator/faults", json={"kind": "rate_limit", "target": "sendMessage", "count": 2})
        await http.post("/simulator/faults", json={"kind": "limits"})
        await http.post("/simulator/faults", json={"platform": "model", "kind": "delay", "seconds": 3})
        faults = (await http.get("/simulator/faults")).json()
        assert faults["limits"] == {"telegram": True, "discord": False}
        assert [(each["kind"], each["target"], each["remaining"]) for each in faults["telegram"]] == [
            ("rate_limit", "sendMessage", 2)
        ]
        assert [(each["kind"], each["seconds"]) for each in faults["model"]] == [("delay", 3.0)]
        await http.post("/simulator/faults", json={"on": False})
        await http.post("/simulator/faults", json={"platform": "model", "kind": "delay", "on": False})
        off = (await http.get("/simulator/faults")).json()
        assert off == {"limits": {"telegram": False, "discord": False}, "telegram": [], "discord": [], "model": []}


async def test_sent_messages_can_be_waited_for_over_http(
    simulator: Simulator, bot: telegram.Bot, clock: ManualClock
) -> None:
    async with client(simulator) as http:
        waiting = asyncio.create_task(http.get("/simulator/sent", params={"chat": GROUP, "at_least": 1}))
        await bot.send_message(FIRST_USER, "elsewhere")
        await bot.send_message(GROUP, "here")
        assert [each["text"] for each in (await waiting).json()["sent"]] == ["here"]
        too_long = asyncio.create_task(http.get("/simulator/sent", params={"at_least": 9, "timeout": 5}))
        while not clock.sleepers:
            await asyncio.sleep(0)
        await clock.advance(6)
        assert (await too_long).status_code == 408


async def test_state_shows_chats_people_and_calls(simulator: Simulator, bot: telegram.Bot) -> None:
    simulator.telegram.say(GROUP, FIRST_USER, "hi")
    await bot.send_message(GROUP, "hello")
    async with client(simulator) as http:
        state = (await http.get("/simulator/state")).json()
        await http.post("/simulator/people", json={"user_id": FIRST_USER, "first_name": "Me", "language_code": "en"})
    group = next(chat for chat in state["chats"] if chat["chat"]["id"] == GROUP)
    assert [message["text"] for message in group["messages"]] == ["hi", "hello"]
    assert (state["pending"], state["calls"]["sendMessage"]) == (1, 1)
    assert simulator.telegram.token not in json.dumps(state)
    assert simulator.telegram.users[FIRST_USER]["first_name"] == "Me"


async def test_events_tell_what_happens_and_end_with_the_server(clock: ManualClock) -> None:
    async with contextlib.AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(run_simulator(port=0, state_dir=None, clock=clock))
        async with client(simulator) as http, http.stream("GET", "/simulator/events") as response:
            lines = response.aiter_lines()
            assert [await anext(lines) for _ in range(2)] == [": here", ""]
            simulator.telegram.say(GROUP, FIRST_USER, "hi")
            assert await anext(lines) == "event: message"
            assert json.loads((await anext(lines)).removeprefix("data: "))["text"] == "hi"
            await clock.advance(21)
            assert [await anext(lines) for _ in range(2)] == ["", ": still here"]
            await stack.aclose()
            assert [line async for line in lines if line] == []


async def test_files_are_only_downloaded_never_shown(simulator: Simulator, bot: telegram.Bot) -> None:
    document = (await bot.send_document(GROUP, b"<script>", filename="a.html")).document
    assert document is not None
    async with client(simulator) as http:
        response = await http.get(f"/simulator/files/{document.file_id}")
        missing = await http.get("/simulator/files/..%2f..%2fetc%2fpasswd")
    assert response.content == b"<script>"
    assert response.headers["content-disposition"] == "attachment"
    assert response.headers["content-type"] == "application/octet-stream"
    assert missing.status_code == 404


async def test_port_in_use_is_the_systems_own_error(clock: ManualClock) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            async with run_simulator(port=taken.getsockname()[1], state_dir=None, clock=clock):
                pass


async def test_listening_to_the_world_is_refused(clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        async with run_simulator(host="0.0.0.0", port=0, state_dir=None, clock=clock):  # noqa: S104
            pass


async def test_closing_does_not_wait_for_a_long_poll(clock: ManualClock) -> None:
    async with contextlib.AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(run_simulator(port=0, state_dir=None, clock=clock))
        http = httpx.AsyncClient(timeout=PATIENCE_SECONDS)
        url = f"{simulator.telegram_api_base}/bot{simulator.telegram_token}/getUpdates"
        poll = asyncio.create_task(http.get(url, params={"timeout": 50}))
        while not simulator.telegram.updates.is_polled:
            await asyncio.sleep(0)
    assert (await poll).json() == {"ok": True, "result": []}
    await http.aclose()


async def test_process_of_its_own_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    arguments = ("-m", "channels.simulator", "--port", "0", "--state", str(tmp_path), "--seed-users", "7")
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    addresses = json.loads(await process.stdout.readline())
    platforms = {"telegram_api_base", "telegram_token", "discord_api_base", "discord_token"}
    assert addresses.keys() == platforms | {"url", "model_api_base", "model_key"}
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        me = await http.get(f"{addresses['telegram_api_base']}/bot{addresses['telegram_token']}/getMe")
        state = await http.get(f"{addresses['url']}/simulator/state")
    assert me.json()["ok"] is True
    assert sum(chat["chat"]["type"] == "private" for chat in state.json()["chats"]) == 7
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 0
