"""Who is let in, and what the others cannot do."""

import asyncio
import json
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from bot.errors import ConfigurationError
from bot.gateway.bind import check_bind, is_loopback
from bot.gateway.guard import caller_of, host_name
from bot.gateway.limits import MOST_CALLERS, RateLimit
from bot.gateway.tokens import Doorkeeper, TokenStore, bearer, is_strong
from bot.methods.table import TABLE
from bot.settings.doors import GatewaySettings
from bot.storage.errors import GuardFailed
from bot.storage.sqlite import open_sqlite
from channels.clock import ManualClock, SystemClock
from channels.simulator.server import run_simulator
from tests.gateway_bot import TOKEN, GatewayBot, gateway_bot
from tests.patience import PATIENCE_SECONDS

PUBLIC = {"health"}
STRANGERS: list[dict[str, str]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": f"Basic {TOKEN}"},
    {"Authorization": f"Bearer {TOKEN}x"},
    {"Authorization": f"Bearer {TOKEN[:-1]}"},
    {"Authorization": f"Bearer {TOKEN.upper()}"},
    {"Cookie": f"token={TOKEN}"},
    {"X-Api-Key": TOKEN},
]


@pytest.mark.parametrize("headers", STRANGERS, ids=str)
async def test_a_stranger_can_ask_for_health_and_nothing_else(bot: GatewayBot, headers: dict[str, str]) -> None:
    async with httpx.AsyncClient(base_url=bot.address, headers=headers, timeout=PATIENCE_SECONDS) as http:
        for name in TABLE:
            body = {"jsonrpc": "2.0", "method": name, "params": {}, "id": 1}
            said = (await http.post(f"/rpc?token={TOKEN}", json=body)).json()
            if name in PUBLIC:
                assert "result" in said
            else:
                assert said["error"]["code"] == -32001, name
        for path in ("/metrics", f"/metrics?token={TOKEN}"):
            assert (await http.get(path)).status_code == 401
        assert (await http.get("/health")).json()["status"] == "ok"
        for path in ("/docs", "/openapi.json", "/redoc", "/nonsense"):
            assert (await http.get(path)).status_code == 404
        assert (await http.post("/channels/web/default", json={})).status_code == 404


async def test_a_stranger_on_a_websocket_hears_nothing_and_is_shown_out(bot: GatewayBot) -> None:
    async with bot.client(token=None) as stranger, bot.client() as friend:
        for name in TABLE.keys() - PUBLIC:
            assert (await stranger.answer(name, {}))["error"]["code"] == -32001, name
        assert (await stranger.answer("identify", {"token": "x" * 30}))["error"]["code"] == -32001
        await friend.call("chat.send", text="secret", sender="me")
        assert stranger.events.empty()
        assert (await stranger.answer("identify", {"token": TOKEN}))["result"]["name"] == "environment"
        assert (await stranger.call("tasks.list")) == {"tasks": []}
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with bot.client(token="wrong"):
            pass
    assert refused.value.response.status_code == 403


async def test_pages_of_others_and_wrong_names_are_refused(tmp_path: Path) -> None:
    async with gateway_bot(
        tmp_path, "gateway: {port: 0, hosts: [bot.example.org], origins: ['https://chat.example.org']}"
    ) as bot:
        cases: list[tuple[dict[str, str], int]] = [
            ({"Origin": "https://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": "http://chat.example.org"}, 403),
            ({"Origin": "https://chat.example.org:444"}, 403),
            ({"Origin": "https://chat.example.org"}, 200),
            ({"Origin": bot.address}, 200),
            ({"Host": "evil.example"}, 421),
            ({"Host": "bot.example.org"}, 200),
            ({"Host": "["}, 421),
        ]
        for headers, status in cases:
            response = await bot.post({"jsonrpc": "2.0", "method": "health", "id": 1}, headers=headers)
            assert response.status_code == status, headers
            assert "access-control-allow-origin" not in response.headers
        for origin, code in (("https://evil.example", 403), ("https://chat.example.org", 101)):
            try:
                async with bot.client(origin=origin):
                    status = 101
            except websockets.InvalidStatus as refusal:
                status = refusal.response.status_code
            assert status == code


async def test_only_json_of_a_bearable_size(bot: GatewayBot) -> None:
    body = {"jsonrpc": "2.0", "method": "health", "id": 1}
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""):
        assert (await bot.post(body, headers={"Content-Type": kind})).status_code == 415
    assert (await bot.post(b" " * 1_048_577)).status_code == 413

    async def pieces() -> Any:
        for _ in range(1100):
            yield b" " * 1024

    async with httpx.AsyncClient(base_url=bot.address, headers=bot.headers, timeout=PATIENCE_SECONDS) as http:
        streamed = await http.post("/rpc", content=pieces(), headers={"Content-Type": "application/json"})
        assert streamed.status_code == 413
        for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"):
            assert (await http.request(method, "/rpc")).status_code == 405


async def test_a_frame_that_is_too_big_ends_its_connection_alone(bot: GatewayBot) -> None:
    async with bot.client() as big, bot.client() as other:
        await big.socket.send("x" * 300_000)
        await big.socket.wait_closed()
        assert big.socket.close_code == 1009
        assert (await other.call("health"))["status"] == "ok"


async def test_a_frame_that_is_no_text_ends_its_connection_with_a_word_and_no_fault_of_ours(
    bot: GatewayBot, caplog: pytest.LogCaptureFixture
) -> None:
    async with bot.client(token=None) as stranger:
        await stranger.socket.send(b"\x00")
        await stranger.socket.wait_closed()
        assert stranger.socket.close_code == 1003
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_too_many_requests_are_told_to_wait(tmp_path: Path) -> None:
    async with gateway_bot(tmp_path, "gateway: {port: 0, rate_per_second: 0.001}") as bot:
        body = {"jsonrpc": "2.0", "method": "health", "id": 1}
        first, second = await bot.post(body), await bot.post(body)
        assert (first.status_code, second.status_code) == (200, 429)
        assert (await bot.get("/nonsense")).status_code == 404


async def test_a_call_too_many_is_answered_under_its_own_number(tmp_path: Path) -> None:
    async with gateway_bot(tmp_path, "gateway: {port: 0, rate_per_second: 0.001}") as bot, bot.client() as client:
        assert "result" in await client.answer("health", {})
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await client.answer("health", {}))["error"]["code"] == -32029


@pytest.mark.parametrize("place", ["server", "websocket"])
async def test_calls_that_wait_are_bounded_though_their_clients_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(f"bot.gateway.{place}.MOST_WAITING", 1)
    params = {"text": "hi", "session_key": "agent:main:main"}
    send = {"jsonrpc": "2.0", "method": "chat.send", "params": params, "id": 1}
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=None, clock=clock) as simulator, asyncio.timeout(PATIENCE_SECONDS):
        simulator.model.faults.switch_on("delay", seconds=60)
        environ = {"KIMI_API_KEY": simulator.model_key, "KIMI_API_URL": simulator.model_api_base}
        async with gateway_bot(tmp_path, environ=environ) as bot, bot.client() as client:
            asking = asyncio.create_task(bot.post(send) if place == "server" else client.socket.send(json.dumps(send)))
            while not simulator.model.calls:
                await asyncio.sleep(0)
            asking.cancel()
            if place == "server":
                assert (await bot.post(send)).status_code == 429
            else:
                assert (await client.answer("chat.send", params))["error"]["code"] == -32029
            assert (await client.call("health"))["status"] == "ok"
            await clock.advance(60)


async def test_connections_are_bounded(tmp_path: Path) -> None:
    async with gateway_bot(tmp_path, "gateway: {port: 0, connections: 2, rate_per_second: null}") as bot:
        async with bot.client(), bot.client():
            with pytest.raises(websockets.InvalidStatus):
                async with bot.client():
                    pass
        async with bot.client() as client:
            assert (await client.call("health"))["status"] == "ok"


async def test_tokens_expire_and_are_revoked(tmp_path: Path) -> None:
    clock = ManualClock()
    async with open_sqlite(tmp_path / "javis.db") as storage:
        store = TokenStore(storage, clock)
        doorkeeper = Doorkeeper(store, clock, None)
        assert not doorkeeper.knows_any
        forever, brief = await store.create("forever", None), await store.create("brief", timedelta(days=1))
        await doorkeeper.refresh()
        assert (doorkeeper.name_of(forever), doorkeeper.name_of(brief)) == ("forever", "brief")
        await clock.advance(24 * 3600)
        assert (doorkeeper.name_of(forever), doorkeeper.name_of(brief)) == ("forever", None)
        known = {token.name: token for token in await store.known()}
        await store.revoke(known["forever"].id)
        await doorkeeper.refresh()
        assert doorkeeper.name_of(forever) is None
        with pytest.raises(GuardFailed):
            await store.revoke(known["forever"].id)
        stored = (tmp_path / "javis.db").read_bytes() + (tmp_path / "javis.db-wal").read_bytes()
        assert forever.encode() not in stored


async def test_a_token_that_is_revoked_ends_its_open_connections(bot: GatewayBot) -> None:
    async with open_sqlite(bot.folder / "data" / "javis.db") as beside, asyncio.timeout(PATIENCE_SECONDS):
        store = TokenStore(beside, SystemClock())
        token = await store.create("page", None)
        async with bot.client(token=None) as page, bot.client(token=None) as listener:
            for client in (page, listener):
                while "error" in await client.answer("identify", {"token": token}):
                    await asyncio.sleep(0)  # the bot hears of it a moment later
            (known,) = await store.known()
            await store.revoke(known.id)
            with suppress(websockets.ConnectionClosed):
                while True:
                    await page.socket.send(json.dumps({"jsonrpc": "2.0", "method": "health"}))
                    await asyncio.sleep(0)
            async with bot.client() as friend:
                await friend.call("tasks.create", prompt="write")
                await listener.socket.wait_closed()
            assert {page.socket.close_code, listener.socket.close_code} == {4401}
            assert listener.events.empty()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no second address on loopback")
async def test_a_stranger_who_asks_too_much_keeps_no_other_address_out(tmp_path: Path) -> None:
    async with (
        gateway_bot(tmp_path, "gateway: {port: 0, rate_per_second: 0.001}") as bot,
        bot.client(token=None) as stranger,
        bot.client(token=None, local_addr=("127.0.0.2", 0)) as friend,
    ):
        assert "result" in await stranger.answer("health", {})
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await friend.call("identify", token=TOKEN))["name"] == "environment"


def test_what_is_open_to_others_needs_a_strong_token() -> None:
    for host in ("::", "192.0.2.1", "example.org"):
        with pytest.raises(ConfigurationError, match="JAVIS_GATEWAY_TOKEN"):
            check_bind(GatewaySettings(host=host))
        check_bind(GatewaySettings.model_validate({"host": host, "token": "k3J9xQ2mV8sL5pR1tW7yZa"}))
    for weak in ("secret", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa"):
        with pytest.raises(ConfigurationError, match="too weak"):
            check_bind(GatewaySettings.model_validate({"token": weak}))
    check_bind(GatewaySettings())


def test_small_readers() -> None:
    assert bearer("Bearer x") == "x"
    assert bearer("bearer  x ") == "x"
    assert bearer("Basic x") is None
    assert is_strong("javis_" + "k3J9xQ2mV8sL5pR1tW7yZa")
    assert host_name("[::1]:8080") == "::1"
    assert host_name("a:1:2") in {"", "a"}
    assert is_loopback("127.8.8.8")
    assert not is_loopback("10.0.0.1")
    assert caller_of({"client": ("::ffff:192.0.2.1", 1)}) == caller_of({"client": ("192.0.2.1", 2)})


async def test_a_rate_limit_forgets_whom_it_has_not_seen_for_long() -> None:
    clock = ManualClock()
    limit = RateLimit(clock, 1, 2)
    assert [limit.take("a"), limit.take("a")] == [0, 0]
    assert limit.take("a") == pytest.approx(1)
    assert limit.take("b") == 0
    await clock.advance(1)
    assert limit.take("a") == 0
    for number in range(MOST_CALLERS):
        limit.take(f"stranger {number}")
    assert limit.take("a") == 0


async def test_the_bot_says_when_nobody_can_be_let_in_and_when_the_port_is_taken(
    bot: GatewayBot, tmp_path: Path
) -> None:
    port = bot.address.rsplit(":", 1)[1]
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(BaseExceptionGroup) as failed:
        async with gateway_bot(other, json.dumps({"gateway": {"port": int(port)}})):
            await asyncio.sleep(0)
    assert failed.group_contains(ConfigurationError, match="gateway.port")


async def test_heartbeats_are_woken_over_http_with_a_token(bot: GatewayBot) -> None:
    async with httpx.AsyncClient(base_url=bot.address, timeout=PATIENCE_SECONDS) as http:
        assert (await http.post("/api/cron/wake", json={})).status_code == 401
        (found,) = (await http.post("/api/cron/wake", json={}, headers=bot.headers)).json()["heartbeats"]
        assert found == {
            "agent": "parrot",
            "run": False,
            "reason": "disabled (no HEARTBEAT.md)",
            "next_possible_at": None,
        }
        assert (await http.post("/api/cron/wake", json={"agent": "x"}, headers=bot.headers)).status_code == 400
        assert (await http.post("/api/cron/wake", json={"odd": 1}, headers=bot.headers)).status_code == 400
        assert (await http.post("/api/cron/wake", headers=bot.headers)).json()["heartbeats"] == [found]
    for body in (b"[" * 100_000, b"5", b"{"):
        assert (await bot.send("/api/cron/wake", body)).status_code == 400
    assert (await bot.send("/api/cron/wake", b"{}", headers={"Content-Type": "text/plain"})).status_code == 415
    async with bot.client() as client:
        assert (await client.call("heartbeat.status"))["heartbeats"][0]["agent"] == "parrot"
