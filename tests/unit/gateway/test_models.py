"""Models over the gateway of a whole bot: lists, probes, `/model`, budgets. No key is ever told."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.gateway import server as _gateway_server  # noqa: F401 - its import takes a third of a second
from tests.gateway_bot import CallFailed, Client, GatewayBot, gateway_bot
from tests.unit.providers.server import ProviderServer, completion, open_provider_server

KEYS = ("canary-key-one-1111111111", "canary-key-two-2222222222")
SESSION = "agent:main:web:direct:ann"
POOR = "agent:main:web:direct:poor"


@pytest.fixture
async def server() -> AsyncIterator[ProviderServer]:
    async with open_provider_server() as server:
        yield server


@pytest.fixture
async def bot(tmp_path: Path, server: ProviderServer) -> AsyncIterator[GatewayBot]:
    entries: list[dict[str, Any]] = [
        {"model_name": "kimi", "model": "moonshot/k", "api_key": key, "api_base": server.base_url} for key in KEYS
    ]
    entries += [
        {"model_name": "home", "model": "vllm/h", "api_base": server.base_url, "vision": True},
        {"model_name": "broken", "model": "moonshot/x"},
    ]
    settings = {
        "gateway": {"port": 0, "rate_per_second": None},
        "channels": {"web": {"owners": ["ann"]}},
        "model_list": entries,
        "budgets": {"peers": {f"web:{POOR}": {"tokens": 10}}, "prices": {"moonshot/k": {"prompt": 1, "completion": 2}}},
    }
    async with gateway_bot(tmp_path, json.dumps(settings)) as running:
        yield running


async def say(client: Client, text: str, sender: str = "ann", session_key: str = SESSION) -> str:
    answer = await client.call("chat.send", text=text, session_key=session_key, sender=sender)
    return str(answer["text"])


async def test_list_tells_every_key_by_its_label(bot: GatewayBot) -> None:
    async with bot.client() as client:
        page = await client.call("models.list")
    told = [(each["name"], each["provider"], each["model"], each["state"]) for each in page["models"]]
    assert told == [("kimi", "moonshot", "k", "ready")] * 2 + [("home", "vllm", "h", "ready")]
    assert [each["vision"] for each in page["models"]] == [False, False, True]
    fault = "model 'broken': moonshot wants a key: set its api_key in javis.yaml"
    assert page["faults"] == [{"name": "broken", "fault": fault}]
    assert not any(key in json.dumps(page) for key in KEYS)


async def test_probe_asks_each_key_and_an_answer_ends_its_cooldown(bot: GatewayBot, server: ProviderServer) -> None:
    async with bot.client() as client:
        server.reply({"error": {"message": f"wrong key {KEYS[0]}"}}, status=401)
        server.reply(completion("OK"))
        page = await client.call("models.probe", name="kimi")
        assert [each["outcome"] for each in page["probes"]] == ["auth", "ok"]
        assert page["probes"][0]["detail"] == "HTTP 401: wrong key ***"
        states = [each["state"] for each in (await client.call("models.list"))["models"]]
        assert states == ["cooling", "ready", "ready"]
        server.reply(completion("OK"))
        server.reply(completion("OK"))
        page = await client.call("models.probe", name="kimi")
        assert [each["outcome"] for each in page["probes"]] == ["ok", "ok"]
        states = [each["state"] for each in (await client.call("models.list"))["models"]]
        assert states == ["ready"] * 3
        with pytest.raises(CallFailed) as caught:
            await client.call("models.probe", name="kimy")
        assert caught.value.code == -32602


async def test_owner_chooses_the_model_of_a_session(bot: GatewayBot, server: ProviderServer) -> None:
    async with bot.client() as client:
        assert "沒有 nope" in await say(client, "/model nope")
        assert "home" in await say(client, "/model home")
        server.reply(completion("from home"))
        assert await say(client, "hi") == "from home"
        assert server.received[-1].json["model"] == "h"
        assert "home" in await say(client, "/model")
        await say(client, "/model off")
        server.reply(completion("from kimi"))
        assert await say(client, "hi") == "from kimi"
        assert server.received[-1].json["model"] == "k"


async def test_nobody_else_chooses(bot: GatewayBot, server: ProviderServer) -> None:
    async with bot.client() as client:
        refusal = await say(client, "/model home", sender="bob")
        assert "home" not in refusal
        server.reply(completion("from kimi"))
        await say(client, "hi")
        assert server.received[-1].json["model"] == "k"


async def test_chosen_model_that_fails_gives_way_to_the_agents_own(bot: GatewayBot, server: ProviderServer) -> None:
    async with bot.client() as client:
        await say(client, "/model home")
        server.reply({}, status=500)
        server.reply(completion("from kimi"))
        assert await say(client, "hi") == "from kimi"


async def test_failure_names_no_internals(bot: GatewayBot, server: ProviderServer, tmp_path: Path) -> None:
    async with bot.client() as client:
        for key in KEYS:
            server.reply({"error": {"message": f"{key} at {server.base_url} is refused"}}, status=401)
        answer = await say(client, "hi")
        trace = await client.call("trace.list", limit=5)
        roads = [await client.call("trace.get", message=each["id"]) for each in trace["roads"]] if trace else []
    told = json.dumps([answer, trace, roads])
    assert not any(word in answer for word in ("moonshot", "401", "127.0.0.1", "key"))
    assert not any(key in told for key in KEYS)
    database = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("javis.db*"))
    assert database
    assert not any(key.encode() in database for key in KEYS)


async def test_chat_whose_budget_is_used_up_is_told_so(bot: GatewayBot, server: ProviderServer) -> None:
    async with bot.client() as client:
        server.reply(completion("yes", usage={"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 12}))
        assert await say(client, "hi", "poor", POOR) == "yes"
        refusal = await say(client, "hi", "poor", POOR)
        assert "額度已經用完" in refusal
        assert len(server.received) == 1
        status = await say(client, "/status", "poor", POOR)
        assert "12 / 10" in status
        server.reply(completion("yes"))
        assert await say(client, "hi") == "yes"
        assert "整個機器人" in await say(client, "/status")
        assert "整個機器人" not in status


async def test_usage_tells_days_and_calls(bot: GatewayBot, server: ProviderServer) -> None:
    async with bot.client() as client:
        server.reply({}, status=500)
        server.reply(completion("yes", usage={"prompt_tokens": 8, "completion_tokens": 4, "total_tokens": 12}))
        await say(client, "hi")
        await say(client, "/status")  # its answer waits for the charges
        told = await client.call("models.usage", days=2)
    assert told["currency"] == "USD"
    assert {each["scope"]: (each["calls"], each["tokens"]) for each in told["spending"]} == {
        "all": (2, 12),
        "agent:main": (2, 12),
        f"peer:web:{SESSION}": (2, 12),
    }
    assert [(each["outcome"], each["calls"], each["money"]) for each in told["calls"]] in (
        [("ok", 1, 16e-6), ("server", 1, 0)],
        [("server", 1, 0), ("ok", 1, 16e-6)],
    )
