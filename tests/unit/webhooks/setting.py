"""A house with its webhook listener on a real socket, at a time that the test sets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
from standardwebhooks import Webhook

from bot.gateway.tokens import Doorkeeper, TokenStore
from bot.house import House, open_house
from bot.settings.load import load_settings
from bot.storage.opening import Database
from bot.tasks.keys import TaskKeys
from bot.tasks.task import Runner, Task, TaskRequest
from bot.webhooks.listener import open_listener
from channels.clock import ManualClock
from channels.registry import load_manifests
from routing.file import load_bindings
from tests.patience import PATIENCE_SECONDS

TOKEN: Final = "a-token-for-tests-0123456789"
COMPLETION: Final = {
    "id": "chatcmpl-1",
    "model": "kimi-k3",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "寫好了"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts that a test speaks with."""

    house: House
    clock: ManualClock
    http: httpx.AsyncClient
    keys: TaskKeys

    async def create(self, runner: Runner = "external") -> tuple[str, str]:
        """(id, key) of a new task."""
        request = TaskRequest("x", "kimi", "test:1", "en", runner=runner)
        task_id, _, statement = self.house.stores.tasks.create(request, 99, 99)
        key, keeping = self.keys.first(task_id)
        await self.house.stores.storage.commit([statement, keeping])
        return task_id, key

    async def task(self, task_id: str) -> Task:
        task = await self.house.stores.tasks.get(task_id)
        assert task is not None
        return task

    def signed(self, key: str, body: object, nonce: str = "msg_1", late: float = 0) -> tuple[str, dict[str, str]]:
        """(body, headers) as the library of the specification makes them, `late` seconds ago."""
        text = body if isinstance(body, str) else json.dumps(body)
        now = self.clock.now() - timedelta(seconds=late)
        return text, {
            "content-type": "application/json",
            "webhook-id": nonce,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(key).sign(nonce, now, text),
        }

    async def post(self, task_id: str, key: str, body: object = COMPLETION, nonce: str = "msg_1") -> httpx.Response:
        text, headers = self.signed(key, body, nonce)
        return await self.http.post(f"/kimi/webhook/{task_id}", content=text, headers=headers)

    async def raw(self, request: bytes) -> bytes:
        """What a plain socket is answered, for requests that no client sends; empty when it is just closed."""
        url = self.http.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(request)
        await writer.drain()
        if writer.can_write_eof():
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
        try:
            return await reader.read()
        finally:
            writer.close()

    async def traces(self) -> list[int]:
        """How many rows there are of everything that a callback may leave."""
        names = ("tasks.list", "outbox.list")
        counts = [len(await self.house.stores.storage.read(name, {"state": None, "most": 999})) for name in names]
        states = [task.state for task in await self.house.stores.tasks.newest("running", 999)]
        return [*counts, len(states)]


@asynccontextmanager
async def open_desk(
    folder: Path,
    dispatch: Mapping[str, Any] | None = None,
    clock: ManualClock | None = None,
    database: Database | None = None,
) -> AsyncIterator[Desk]:
    """`dispatch` is what its settings say; None: any free port, and no limit. `database` None: SQLite."""
    (folder / "bindings.yaml").write_text("defaults: {agent: a}\nagents: [{id: a, kind: echo}]\nbindings: []\n")
    environ = {"JAVIS_HOME": str(folder / "data")}
    manifests = load_manifests()
    settings = load_settings(None, environ, manifests)
    changes = {"webhook_port": 0, "webhook_rate_per_second": None} if dispatch is None else dispatch
    dispatching = settings.dispatch.model_copy(update=changes)
    settings = replace(settings, dispatch=dispatching, database=database or settings.database)
    clock = clock or ManualClock()
    async with open_house(settings, load_bindings(folder / "bindings.yaml"), manifests, clock) as house:
        doorkeeper = Doorkeeper(TokenStore(house.stores.storage, clock), clock, TOKEN)
        async with (
            open_listener(
                settings.dispatch,
                storage=house.stores.storage,
                clock=clock,
                doorkeeper=doorkeeper,
                ending=house.dispatcher.teller.ending,
                tasks=house.stores.tasks,
                results_folder=house.delivery.results.folder,
            ) as address,
            httpx.AsyncClient(base_url=address or "", timeout=PATIENCE_SECONDS) as http,
        ):
            yield Desk(house, clock, http, TaskKeys(house.stores.storage, clock))
