"""Calls, what they cost, and the day's end of them, in a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from pydantic import SecretStr

from bot.budgets.ledger import Ledger
from bot.budgets.limits import Spent, cost_micros
from bot.budgets.telling import tell_money, tell_tokens
from bot.providers.attempt import NoAnswer
from bot.providers.bases import BudgetSpent
from bot.providers.connections import open_http
from bot.providers.meter import Asker
from bot.providers.models import Models
from bot.providers.port import ChatMessage, CompletionRequest, Usage
from bot.settings.language_models import BudgetSettings, Limit, Price
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from channels.clock import ManualClock
from tests.unit.providers.server import ProviderServer, completion, open_provider_server
from tests.unit.providers.setting import ListedEntry

REQUEST = CompletionRequest([ChatMessage("user", "hi")])
ANN, BEN = Asker("main", "telegram:1"), Asker("main", "telegram:2")
USAGE = {"prompt_tokens": 80, "completion_tokens": 20, "total_tokens": 100, "cached_tokens": 30}
PRICE = Price(prompt=2, cached=0.5, completion=10)
DEAR = Price(prompt=100, completion=100)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 1, 22, 30, tzinfo=UTC))


@pytest.fixture
async def storage(any_database: Database, clock: ManualClock) -> AsyncIterator[Storage]:
    async with open_storage(any_database, clock) as storage:
        yield storage


@pytest.fixture
async def server() -> AsyncIterator[ProviderServer]:
    async with open_provider_server() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http() as http:
        yield http


class Desk:
    """Models that are charged to a ledger with these budgets."""

    def __init__(
        self, server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, storage: Storage, **given: Any
    ) -> None:
        self.server = server
        self.ledger = Ledger(storage, clock, BudgetSettings(prices={"moonshot/k": PRICE, "moonshot/k9": DEAR}, **given))
        entries = [
            ListedEntry("kimi", "moonshot/k", SecretStr("one"), server.base_url),
            ListedEntry("two keys", "moonshot/k", SecretStr("two"), server.base_url),
            ListedEntry("two keys", "moonshot/k", SecretStr("three"), server.base_url),
        ]
        self.models = Models(entries, lambda _proxy: http, clock, meter=self.ledger)

    async def ask(self, asker: Asker) -> None:
        self.server.reply(completion("yes", usage=USAGE))
        await self.models.ask(["kimi"], REQUEST, asker)

    async def refused(self, asker: Asker) -> NoAnswer:
        before = len(self.server.received)
        with pytest.raises(NoAnswer) as caught:
            await self.models.ask(["kimi"], REQUEST, asker)
        assert len(self.server.received) == before
        return caught.value


@pytest.fixture
def make(server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, storage: Storage) -> Any:
    return lambda **given: Desk(server, http, clock, storage, **given)


async def test_every_call_is_charged_to_bot_agent_and_chat(make: Any, storage: Storage) -> None:
    desk = make()
    await desk.ask(ANN)
    await desk.ask(ANN)
    await desk.ask(BEN)
    one = cost_micros(Usage(80, 20, 100, 30), PRICE)
    assert one == 50 * 2 + 30 * 0.5 + 20 * 10
    assert await desk.ledger.spent(ANN) == {
        "all": Spent(3, 300, 90, 3 * one),
        "agent:main": Spent(3, 300, 90, 3 * one),
        "peer:telegram:1": Spent(2, 200, 60, 2 * one),
    }


async def test_failed_attempt_is_written_down_with_what_it_cost(make: Any, server: ProviderServer) -> None:
    desk = make()
    server.reply(completion("", usage=USAGE))
    with pytest.raises(NoAnswer):
        await desk.models.ask(["kimi"], REQUEST, ANN)
    assert (await desk.ledger.spent(ANN))["all"].tokens == 100


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"bot": Limit(tokens=100)}, set()),
        ({"bot": Limit(money=0.0003)}, set()),
        ({"agent": Limit(tokens=100)}, {Asker("other", "telegram:1")}),
        ({"agent": Limit(tokens=100), "agents": {"main": Limit()}}, {ANN, BEN}),
        ({"peer": Limit(tokens=100)}, {BEN, Asker("main")}),
        ({"peers": {"telegram:1": Limit(money=0)}}, {BEN}),
        ({"bot": Limit(tokens=101)}, {ANN}),
    ],
)
async def test_budget_that_is_used_up_asks_nobody(make: Any, given: dict[str, Any], left: set[Asker]) -> None:
    desk = make(**given)
    if given.get("peers") is None:
        await desk.ask(ANN)
    if ANN not in left:
        failure = await desk.refused(ANN)
        assert isinstance(failure.failure, BudgetSpent)
        assert (failure.reason, failure.attempts) == ("budget_spent", ())
    for asker in left:
        await desk.ask(asker)


async def test_budget_is_checked_before_every_attempt(make: Any, server: ProviderServer) -> None:
    """A first key's expensive failure leaves nothing for the second one."""
    desk = make(bot=Limit(tokens=100))
    server.reply(completion("", usage=USAGE))
    with pytest.raises(NoAnswer) as caught:
        await desk.models.ask(["two keys"], REQUEST, ANN)
    assert (caught.value.reason, len(caught.value.attempts)) == ("budget_spent", 1)


async def test_new_day_in_the_zone_of_the_budgets_begins_anew(make: Any, clock: ManualClock) -> None:
    desk = make(peer=Limit(tokens=100), zone=ZoneInfo("Europe/Paris"))
    await desk.ask(ANN)
    await desk.refused(ANN)
    await clock.advance(1800)  # midnight in Paris, half past eleven in Greenwich
    await desk.ask(ANN)


async def test_budget_outlives_the_process(make: Any) -> None:
    first = make()
    await first.ask(ANN)
    await first.ledger.drain()
    await make(bot=Limit(tokens=100)).refused(ANN)


async def test_what_is_older_than_ninety_days_is_forgotten(make: Any, clock: ManualClock, storage: Storage) -> None:
    desk = make()
    await desk.ask(ANN)
    await clock.advance(91 * 86_400)
    await desk.ask(ANN)
    await desk.ledger.drain()
    await storage.commit([desk.ledger.prune_calls(), desk.ledger.prune_days()])
    (call,) = await storage.read("budgets.by_model", {"since_ms": 0})
    days = await storage.read("budgets.days", {"since_day": "", "most": 100})
    assert (call["calls"], call["total"], len({row["day"] for row in days})) == (1, 100, 1)


def test_figures_are_told_with_their_limits() -> None:
    spent = Spent(1, 12_345, 0, 1_234_567)
    assert tell_tokens(spent, Limit()) == "12,345"
    assert tell_tokens(spent, Limit(tokens=50_000)) == "12,345 / 50,000"
    assert tell_money(spent, Limit(money=5), "CNY") == "1.2346 / 5.00 CNY"


@pytest.mark.parametrize(("name", "micros"), [("k9", 10_000), ("unpriced", 315)])
async def test_id_that_somebody_named_costs_what_it_costs(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, storage: Storage, name: str, micros: int
) -> None:
    """Where nobody said what it costs, as much as the model in whose place it was asked."""
    desk = Desk(server, http, clock, storage)
    desk.server.reply(completion("yes", usage=USAGE))
    await desk.models.ask([name], REQUEST, ANN, ids_of="kimi")
    assert desk.server.received[0].json["model"] == name
    assert (await desk.ledger.spent(ANN))["all"].micros == micros


async def test_question_that_nobody_may_pay_takes_nobodys_turn(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, storage: Storage
) -> None:
    ledger = Ledger(storage, clock, BudgetSettings(peers={"telegram:1": Limit(tokens=0)}))
    entry = ListedEntry("kimi", "moonshot/k", SecretStr("one"), server.base_url, rpm=1)
    models = Models([entry], lambda _proxy: http, clock, meter=ledger)
    with pytest.raises(NoAnswer) as caught:
        await models.ask(["kimi"], REQUEST, ANN)
    assert caught.value.reason == "budget_spent"
    server.reply(completion("yes"))
    assert (await models.ask(["kimi"], REQUEST, BEN)).completion.text == "yes"
