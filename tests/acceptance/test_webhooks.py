"""A runner and a real `javis run` that is killed twice on its way: one result, one notice in the chat."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from standardwebhooks import Webhook

from channels.simulator.seed import GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, Machine
from tests.patience import PATIENCE_SECONDS

TOKEN: Final = "a-token-for-tests-0123456789"
BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}
COMPLETION: Final = {"model": "kimi-k3", "choices": [{"message": {"role": "assistant", "content": "寫好了"}}]}


class Bot:
    """One life of the bot: where it listens."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @classmethod
    async def start(cls, folder: BotFolder) -> "Bot":
        machine = Machine(await folder.start("run"))
        await machine.says("The gateway listens")
        await machine.says("Receiving")
        return cls(machine)

    async def kill(self) -> None:
        self.machine.process.kill()
        await self.machine.process.wait()
        await self.machine.reading

    async def call(self, method: str, **params: Any) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        async with self._client("The gateway listens", BEARER) as http:
            return (await http.post("/rpc", json=body)).json()["result"]

    async def post(self, path: str, text: str, headers: dict[str, str]) -> httpx.Response:
        async with self._client("The webhook listener listens", headers) as http:
            return await http.post(path, content=text)

    async def get(self, path: str) -> Any:
        async with self._client("The webhook listener listens", BEARER) as http:
            return (await http.get(path)).json()

    def _client(self, listens: str, headers: dict[str, str]) -> httpx.AsyncClient:
        """For the listener that the log announces with these words."""
        return httpx.AsyncClient(base_url=self.machine.address(listens), headers=headers, timeout=PATIENCE_SECONDS)


async def test_a_bot_that_is_killed_around_a_callback_tells_its_result_once(
    simulator: Simulator, bot_folder: BotFolder
) -> None:
    bot_folder.change_settings(gateway={"port": 0, "token": TOKEN})
    bot = await Bot.start(bot_folder)
    notify = {"channel": "telegram", "chat": str(GROUP)}
    made = await bot.call("tasks.create", prompt="work", runner="external", notify=notify)
    path = f"/kimi/webhook/{made['task_id']}"
    assert made["callback_url"].endswith(path)
    await bot.kill()

    bot = await Bot.start(bot_folder)
    assert [task["task_id"] for task in (await bot.get("/pending"))["tasks"]] == [made["task_id"]]
    text, now = json.dumps(COMPLETION), datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(made["secret"]).sign("msg_1", now, text),
    }
    assert (await bot.post(path, text, headers)).status_code == 202
    await bot.kill()

    bot = await Bot.start(bot_folder)
    assert (await bot.post(path, text, headers)).json() == {"status": "duplicate"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await bot.get("/pending"))["tasks"]:
            await asyncio.sleep(0.05)
    latest = await bot.get("/latest")
    assert (latest["task_id"], latest["status"], latest["acknowledged"]) == (made["task_id"], "done", True)
    assert await bot.machine.end() == 0
    assert latest == json.loads((bot_folder.home / "kimi-dispatch/results/latest.json").read_text("utf-8"))
    told = [message["text"] for message in simulator.telegram.sent() if "寫好了" in message["text"]]
    # The second kill may have come between the sending and the answer: then the repetition says so.
    assert len([words for words in told if words.startswith("✅")]) <= 1 <= len(told) <= 2
