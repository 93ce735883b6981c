"""Questions with real calls to a provider on a socket, a manual clock and a real database."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from pydantic import SecretStr

from bot.providers.attempt import Answered, NoAnswer
from bot.providers.cooldown import Cooldowns, DefaultCooldown, forget_old
from bot.providers.errors import AuthRefused, QuotaExhausted, RateLimited, Unreachable
from bot.providers.models import Models
from bot.providers.port import ChatMessage, CompletionRequest
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from channels.clock import ManualClock, SystemClock, unix_ms
from tests.unit.providers.server import ProviderServer, completion
from tests.unit.providers.setting import ListedEntry

REQUEST = CompletionRequest([ChatMessage("user", "hi")])
Build = Callable[..., Models]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def storage(any_database: Database) -> AsyncIterator[Storage]:
    async with open_storage(any_database, SystemClock()) as storage:
        yield storage


@pytest.fixture
def build(server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock, storage: Storage) -> Build:
    """Models whose keys are `one`, `two`, … under the name `kimi`, and a spare."""

    def build(keys: int = 2) -> Models:
        entries = [
            ListedEntry("kimi", "moonshot/k", SecretStr(key), server.base_url)
            for key in ("one", "two", "three", "four")[:keys]
        ]
        spare = ListedEntry("spare", "vllm/s", None, server.base_url)
        return Models(
            [*entries, spare], lambda _proxy: http, clock, cooldowns=Cooldowns(DefaultCooldown(), clock, storage)
        )

    return build


def keys(server: ProviderServer) -> list[str]:
    return [got.headers.get("Authorization", "-").removeprefix("Bearer ") for got in server.received]


async def ask(models: Models, *names: str, patience_seconds: float = 10) -> Answered:
    return await models.ask(names or ("kimi",), REQUEST, patience_seconds=patience_seconds)


async def refused(models: Models, *names: str, patience_seconds: float = 10) -> NoAnswer:
    with pytest.raises(NoAnswer) as caught:
        await ask(models, *names, patience_seconds=patience_seconds)
    return caught.value


async def pass_cooldown(models: Models, clock: ManualClock, failures: int) -> None:
    """Once the only key has failed so often and its cooldown is waited for: let the time pass."""
    (way,) = models.ways("kimi")
    while (cooldown := models.cooldowns.of(way.id)) is None or cooldown.failures < failures or not clock.sleepers:
        await asyncio.sleep(0)
    await clock.advance((cooldown.until_ms - unix_ms(clock.now())) / 1000)


async def test_answer_tells_every_attempt_without_a_key(server: ProviderServer, build: Build) -> None:
    server.reply({"error": {"type": "rate_limit_reached_error", "message": "slow: one"}}, status=429)
    server.reply({}, status=401)
    server.reply(completion("from the spare"))
    answered = await ask(build(), "kimi", "spare")
    assert answered.completion.text == "from the spare"
    assert [(each.provider, each.model, each.outcome) for each in answered.attempts] == [
        ("moonshot", "k", "rate_limit"),
        ("moonshot", "k", "auth"),
        ("vllm", "s", "ok"),
    ]
    assert len({each.key for each in answered.attempts}) == 3
    assert not {"one", "two"} & {each.key for each in answered.attempts}


async def test_key_that_failed_is_left_alone_and_comes_back(
    server: ProviderServer, build: Build, clock: ManualClock
) -> None:
    models = build()
    server.reply({}, status=429)
    for _ in range(4):
        server.reply(completion())
    await ask(models)
    await ask(models)
    assert keys(server) == ["one", "two", "two"]
    await clock.advance(60)
    await ask(models)
    await ask(models)
    assert sorted(keys(server)[3:]) == ["one", "two"]


async def test_cooldown_outlives_the_process(server: ProviderServer, build: Build, clock: ManualClock) -> None:
    server.reply({}, status=401)
    server.reply(completion())
    await ask(build())
    restarted = build()
    await restarted.cooldowns.refresh()
    for _ in range(3):
        server.reply(completion())
        await ask(restarted)
    assert keys(server)[2:] == ["two"] * 3
    await clock.advance(300)
    server.reply(completion())
    server.reply(completion())
    await ask(restarted)
    await ask(restarted)
    assert "one" in keys(server)[5:]
    again = build()
    await again.cooldowns.refresh()
    assert all(again.cooldowns.of(way.id) is None for way in again.ways("kimi"))


async def test_repetition_doubles_the_cooldown_across_restarts(
    server: ProviderServer, build: Build, clock: ManualClock
) -> None:
    for pause in (0, 60, 120, 240):
        await clock.advance(pause)
        server.reply({}, status=429)
        models = build(1)
        await models.cooldowns.refresh()
        failure = await refused(models)
        assert len(failure.attempts) == 1


async def test_brief_cooldown_is_waited_for(server: ProviderServer, build: Build, clock: ManualClock) -> None:
    server.reply({}, status=429, headers={"Retry-After": "3"})
    server.reply(completion("at last"))
    models = build(1)
    asking = asyncio.create_task(ask(models))
    await pass_cooldown(models, clock, 1)
    answered = await asking
    assert [each.outcome for each in answered.attempts] == ["rate_limit", "ok"]


async def test_wait_has_an_end(server: ProviderServer, build: Build, clock: ManualClock) -> None:
    for _ in range(20):
        server.reply({}, status=429, headers={"Retry-After": "0"})
    models = build(1)
    asking = asyncio.create_task(refused(models, patience_seconds=4))
    for failures in range(1, 5):
        await pass_cooldown(models, clock, failures)
    assert len((await asking).attempts) == 5


async def test_long_cooldown_is_not_waited_for_and_says_what_holds_it(server: ProviderServer, build: Build) -> None:
    models = build(1)
    server.reply({"error": {"type": "exceeded_current_quota_error"}}, status=429)
    assert isinstance((await refused(models)).failure, QuotaExhausted)
    failure = await refused(models)
    assert isinstance(failure.failure, QuotaExhausted)
    assert (failure.attempts, failure.reason) == ((), "model_misconfigured")
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("kind", "outcome", "seconds"),
    [
        ("engine_overloaded_error", "server", 5),
        ("rate_limit_reached_error", "rate_limit", 60),
        ("exceeded_current_quota_error", "billing", 900),
    ],
)
async def test_moonshots_three_429_are_told_apart(
    server: ProviderServer, build: Build, clock: ManualClock, kind: str, outcome: str, seconds: int
) -> None:
    models = build(1)
    server.reply({"error": {"type": kind, "message": "no"}}, status=429)
    failure = await refused(models, patience_seconds=0)
    assert [each.outcome for each in failure.attempts] == [outcome]
    (way,) = models.ways("kimi")
    assert models.ready_ms(way) - unix_ms(clock.now()) == pytest.approx(seconds * 1000, abs=1)


async def test_answer_without_words_is_asked_of_each_way_once(server: ProviderServer, build: Build) -> None:
    models = build()
    for _ in range(9):
        server.reply(completion(""))
    failure = await refused(models, "kimi", "spare")
    assert [each.outcome for each in failure.attempts] == ["bad_answer"] * 3


async def test_entry_with_rpm_gives_way_to_the_others(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    entries = [
        ListedEntry("m", "moonshot/k", SecretStr("few"), server.base_url, rpm=2),
        ListedEntry("m", "moonshot/k", SecretStr("many"), server.base_url),
    ]
    models = Models(entries, lambda _proxy: http, clock)
    for _ in range(6):
        server.reply(completion())
        await ask(models, "m")
    assert keys(server).count("few") == 2
    only = Models(entries[:1], lambda _proxy: http, clock)
    for _ in range(2):
        server.reply(completion())
        await ask(only, "m")
    assert isinstance((await refused(only, "m")).failure, RateLimited)


async def test_unknown_id_closes_the_way_for_nobody_else(server: ProviderServer, build: Build) -> None:
    models = build(1)
    server.reply({"error": {"message": "no such model"}}, status=404)
    with pytest.raises(NoAnswer) as caught:
        await models.ask(["made-up"], REQUEST, ids_of="kimi")
    assert isinstance(caught.value.failure, AuthRefused)
    assert server.received[0].json["model"] == "made-up"
    server.reply(completion("fine"))
    assert (await ask(models)).completion.text == "fine"


async def test_dead_server_is_not_asked_with_every_key(http: httpx.AsyncClient, clock: ManualClock) -> None:
    entries = [
        ListedEntry("m", f"moonshot/{index}", SecretStr(f"key {index}"), "http://127.0.0.1:9/v1") for index in range(6)
    ]
    models = Models(entries, lambda _proxy: http, clock)
    failure = await refused(models, "m")
    assert isinstance(failure.failure, Unreachable)
    assert len(failure.attempts) == 3
    again = await refused(models, "m")
    assert (again.attempts, again.reason) == ((), "model_unreachable")


async def test_old_cooldowns_are_forgotten(
    server: ProviderServer, build: Build, clock: ManualClock, storage: Storage
) -> None:
    server.reply({}, status=401)
    await refused(build(1))
    await clock.advance(8 * 86_400)
    await storage.commit([forget_old(unix_ms(clock.now()))])
    assert not await storage.read("cooldowns.all", {})


async def test_look_at_the_database_loses_no_failure_of_its_own_moment(
    server: ProviderServer, build: Build, clock: ManualClock
) -> None:
    """Another process has written, and while its rows are read a key fails here."""
    models = build()
    ways = models.ways("kimi")
    for way in ways:
        began_ms = unix_ms(clock.now())
        await asyncio.gather(models.cooldowns.refresh(), models.cooldowns.failed(way.id, RateLimited("no"), began_ms))
    assert all(models.cooldowns.of(way.id) is not None for way in ways)
    await models.cooldowns.refresh()
    assert all(models.cooldowns.of(way.id) is not None for way in ways)


async def test_key_that_another_process_found_sound_is_taken_again(
    server: ProviderServer, build: Build, clock: ManualClock
) -> None:
    running, beside = build(1), build(1)
    server.reply({}, status=401)
    await refused(running)
    await beside.cooldowns.refresh()
    server.reply(completion("OK"))
    (way,) = beside.ways("kimi")
    attempt, _ = await beside.probe(way, REQUEST, 60)
    assert attempt.outcome == "ok"
    await running.cooldowns.refresh()
    server.reply(completion("fine"))
    assert (await ask(running)).completion.text == "fine"
