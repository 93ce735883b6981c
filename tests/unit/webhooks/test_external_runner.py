"""A runner from the call that makes its task to the notice in the chat, through a whole bot."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook

from tests.gateway_bot import GatewayBot, gateway_bot
from tests.patience import PATIENCE_SECONDS
from tests.unit.webhooks.setting import COMPLETION


async def _post(url: str, secret: str, body: Any, nonce: str) -> httpx.Response:
    text, now = json.dumps(body), datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": nonce,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(nonce, now, text),
    }
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        return await http.post(url, content=text, headers=headers)


async def _create(bot: GatewayBot, **params: Any) -> dict[str, Any]:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tasks.create", "params": {"prompt": "work", **params}}
    result: dict[str, Any] = (await bot.post(call)).json()["result"]
    return result


async def test_a_runner_finishes_a_task_and_the_chat_is_told(tmp_path: Path) -> None:
    key = "agent:parrot:web:direct:me"
    async with gateway_bot(tmp_path) as bot, bot.client() as client:
        await client.call("identify", sessions=[key])
        made = await _create(bot, runner="external", notify={"channel": "web", "chat": key})
        assert made["state"] == "running"
        assert made["callback_url"].endswith(f"/kimi/webhook/{made['task_id']}")
        again = await client.call("tasks.rotate_key", task_id=made["task_id"])
        statuses = [
            (await _post(made["callback_url"], secret, COMPLETION, "msg_1")).status_code
            for secret in (made["secret"], again["secret"])
        ]
        assert statuses == [202, 200]
        notice = await client.next_event("chat.message")
        assert "寫好了" in notice["text"]
        task = await client.call("tasks.get", task_id=made["task_id"])
        assert (task["status"], task["output"], task["runner"]) == ("done", "寫好了", "external")
        assert made["secret"] not in json.dumps(await client.call("tasks.list"))
    written = json.loads((bot.folder / "data/kimi-dispatch/results/latest.json").read_text())
    assert (written["task_id"], written["output"]) == (made["task_id"], "寫好了")


async def test_a_root_that_the_settings_name_stands_in_the_address(tmp_path: Path) -> None:
    settings = "gateway: {port: 0}\ndispatch: {webhook_url: 'https://hooks.example.org/javis/'}"
    async with gateway_bot(tmp_path, settings) as bot:
        made = await _create(bot, runner="external")
        assert made["callback_url"] == f"https://hooks.example.org/javis/kimi/webhook/{made['task_id']}"
        house = await _create(bot)
        assert "secret" not in house
        call = {"jsonrpc": "2.0", "id": 1, "method": "tasks.rotate_key", "params": {"task_id": house["task_id"]}}
        assert "no key" in (await bot.post(call)).json()["error"]["message"]
