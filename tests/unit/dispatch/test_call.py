"""A task's question, through the same keys as everybody's."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.budgets.ledger import Ledger
from bot.dispatch.call import ask_model
from bot.providers.connections import open_connections
from bot.providers.meter import Asker
from bot.providers.models import Models
from bot.settings.language_models import BudgetSettings, Limit
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from bot.tasks.store import Outcome, TaskStore
from bot.tasks.task import TaskRequest
from channels.clock import ManualClock
from channels.message import Destination
from tests.unit.providers.server import ProviderServer, completion, open_provider_server
from tests.unit.providers.setting import ListedEntry

USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


class Desk:
    """One task at a time, asked of two keys."""

    def __init__(
        self, server: ProviderServer, models: Models, ledger: Ledger, storage: Storage, clock: ManualClock
    ) -> None:
        self.server = server
        self.models = models
        self.ledger = ledger
        self.clock = clock
        self._storage = storage
        self._tasks = TaskStore(storage, clock)

    async def ask(self, model: str = "kimi") -> Outcome:
        notify = Destination("telegram", "default", "-1")
        request = TaskRequest("do it", model, "telegram:1", "en", notify=notify)
        _, _, statement = self._tasks.create(request, 99, 99)
        await self._storage.commit([statement])
        task = await self._tasks.claim_next()
        assert task is not None
        return await ask_model(task, [], self.models, self.clock, 600)

    @property
    def asked(self) -> Sequence[tuple[str, str]]:
        """(key, model) of every request."""
        return [
            (got.headers["Authorization"].removeprefix("Bearer "), got.json["model"]) for got in self.server.received
        ]


@pytest.fixture
def budgets(request: pytest.FixtureRequest) -> BudgetSettings:
    return getattr(request, "param", BudgetSettings())


@pytest.fixture
async def desk(any_database: Database, budgets: BudgetSettings) -> AsyncIterator[Desk]:
    clock = ManualClock(datetime(2026, 1, 1, 12, tzinfo=UTC))
    async with (
        open_provider_server() as server,
        open_storage(any_database, clock) as storage,
        open_connections() as connections,
    ):
        ledger = Ledger(storage, clock, budgets)
        entries = [
            ListedEntry("kimi", "moonshot/k", SecretStr(key), server.base_url, rpm=rpm)
            for key, rpm in (("one", None), ("two", 1))
        ]
        yield Desk(server, Models(entries, connections.through, clock, meter=ledger), ledger, storage, clock)
        await ledger.drain()


async def test_next_key_is_asked_and_the_chat_is_charged(desk: Desk) -> None:
    desk.server.reply({}, status=500)
    desk.server.reply(completion("done", model="k-2", usage=USAGE))
    outcome = await desk.ask()
    assert (outcome.state, outcome.output, outcome.answered_by) == ("succeeded", "done", "k-2")
    assert (outcome.prompt_tokens, outcome.completion_tokens, outcome.total_tokens) == (3, 2, 5)
    assert desk.asked == [("one", "k"), ("two", "k")]
    spent = await desk.ledger.spent(Asker("kimi", "telegram:-1"))
    assert {scope: each.tokens for scope, each in spent.items()} == {
        "all": 5,
        "agent:kimi": 5,
        "peer:telegram:-1": 5,
    }


async def test_any_other_name_is_an_id_at_kimis_own_endpoint(desk: Desk) -> None:
    desk.server.reply(completion("done"))
    await desk.ask("kimi-k3")
    assert desk.asked == [("one", "kimi-k3")]


async def test_key_that_is_free_again_within_two_minutes_is_waited_for(desk: Desk) -> None:
    desk.server.reply({}, status=429)
    desk.server.reply({}, status=429)
    desk.server.reply(completion("at last"))
    asking = asyncio.create_task(desk.ask())
    (way, _) = desk.models.ways("kimi")
    while len(desk.server.received) < 2 or desk.models.cooling() < 2 or desk.clock.sleepers < 2:
        await asyncio.sleep(0)
    cooldown = desk.models.cooldowns.of(way.id)
    assert cooldown is not None
    await desk.clock.advance(cooldown.until_ms / 1000 - desk.clock.now().timestamp())
    assert (await asking).output == "at last"


async def test_silence_is_a_time_out_of_the_task(desk: Desk) -> None:
    async def never(_request: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    desk.server.handle(never)
    asking = asyncio.create_task(desk.ask())
    await desk.server.arrived.wait()
    await desk.clock.advance(600)
    assert (await asking).state == "timed_out"


@pytest.mark.parametrize("budgets", [BudgetSettings(agents={"kimi": Limit(tokens=5)})], indirect=True)
async def test_budget_that_is_used_up_fails_the_task_with_its_reason(desk: Desk) -> None:
    desk.server.reply(completion("done", usage=USAGE))
    assert (await desk.ask()).state == "succeeded"
    outcome = await desk.ask()
    assert (outcome.state, outcome.error) == ("failed", "budget_spent")
    assert len(desk.server.received) == 1
