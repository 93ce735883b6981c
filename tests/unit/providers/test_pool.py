"""The pool over any history of failures, successes and time."""

from collections import Counter
from typing import cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.providers.attempt import cooldown_class
from bot.providers.breaker import FAILURES, OPEN_MS, Breakers
from bot.providers.cooldown import Cooldowns, DefaultCooldown, WayId, wait_seconds
from bot.providers.errors import (
    AuthRefused,
    BadAnswer,
    Overloaded,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
)
from bot.providers.pool import MINUTE_MS, Pool
from bot.providers.way import Way, make_way
from channels.clock import ManualClock, unix_ms
from tests.unit.providers.setting import ListedEntry

ERRORS = (RateLimited, ProviderTimeout, ProviderUnavailable, Overloaded, AuthRefused, QuotaExhausted, BadAnswer)
START_MS = unix_ms(ManualClock().now())


def ways_of(*weights: int, rpm: int | None = None) -> list[Way]:
    """One way a weight, each at a server of its own. No connection is made."""
    nowhere = cast("httpx.AsyncClient", None)
    return [
        make_way(
            ListedEntry("m", f"ollama/{index}", api_base=f"http://host-{index}/v1", weight=weight, rpm=rpm),
            lambda _proxy: nowhere,
            ManualClock(),
        )
        for index, weight in enumerate(weights)
    ]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 5))
def test_in_the_long_run_each_way_gets_its_weight(weights: list[int], rounds: int) -> None:
    ways = ways_of(*weights)
    pool = Pool(Cooldowns(DefaultCooldown(), ManualClock()), Breakers())
    counts = Counter(pool.pick(ways, 0) for _ in range(rounds * sum(weights)))
    assert [counts[way] for way in ways] == [rounds * weight for weight in weights]


STEPS = st.lists(
    st.tuples(
        st.integers(0, 200_000),  # milliseconds that pass before the call
        st.sampled_from([None, *ERRORS]),
        st.sampled_from([None, 0.0, 3.0, 500.0]),
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 4), st.sampled_from([None, 1, 3]))
async def test_way_that_cools_down_is_never_taken(
    steps: list[tuple[int, type[ProviderError] | None, float | None]], count: int, rpm: int | None
) -> None:
    clock = ManualClock()
    ways, cooldowns = ways_of(*range(1, count + 1), rpm=rpm), Cooldowns(DefaultCooldown(), clock)
    pool = Pool(cooldowns, Breakers())
    calls: dict[Way, list[int]] = {way: [] for way in ways}
    for pause_ms, kind, retry_after in steps:
        await clock.advance(pause_ms / 1000)
        now_ms = unix_ms(clock.now())
        way = pool.pick(ways, now_ms)
        if way is None:
            soonest = pool.soonest_ms(ways)
            assert soonest is not None
            assert soonest > now_ms
            continue
        cooldown = cooldowns.of(way.id)
        assert cooldown is None or cooldown.until_ms <= now_ms
        calls[way].append(now_ms)
        assert rpm is None or sum(each > now_ms - MINUTE_MS for each in calls[way]) <= rpm
        if kind is None:
            await cooldowns.succeeded(way.id, now_ms)
            assert cooldowns.of(way.id) is None
        else:
            await cooldowns.failed(way.id, kind("no", retry_after), now_ms)


@given(st.sampled_from(ERRORS[:-1]), st.integers(1, 60))
def test_wait_grows_with_repetition_up_to_an_hour(kind: type[ProviderError], failures: int) -> None:
    reason = cooldown_class(kind("no")) or "server"
    before, after = (wait_seconds(kind("no"), reason, number, DefaultCooldown()) for number in (failures, failures + 1))
    assert 0 < before <= after <= 3600
    assert after == 2 * before or after in {3600, 120}


@pytest.mark.parametrize(("asked", "obeyed"), [(0.0, 1.0), (7.5, 7.5), (10_000.0, 10_000.0), (1e12, 86_400.0)])
def test_wait_that_the_provider_asks_for_is_obeyed(asked: float, obeyed: float) -> None:
    assert wait_seconds(RateLimited("no", asked), "rate_limit", 9, DefaultCooldown()) == obeyed


async def test_calls_that_fail_together_count_once() -> None:
    clock, way = ManualClock(), WayId("p", "h", "k", "m")
    cooldowns = Cooldowns(DefaultCooldown(), clock)
    began_ms = unix_ms(clock.now())
    await clock.advance(2)
    for _ in range(100):
        await cooldowns.failed(way, RateLimited("no"), began_ms)
    cooldown = cooldowns.of(way)
    assert cooldown is not None
    assert (cooldown.failures, cooldown.until_ms - cooldown.failed_ms) == (1, 60_000)


async def test_late_answer_does_not_end_a_cooldown_that_came_after_its_question() -> None:
    clock, way = ManualClock(), WayId("p", "h", "k", "m")
    cooldowns = Cooldowns(DefaultCooldown(), clock)
    began_ms = unix_ms(clock.now())
    await clock.advance(1)
    await cooldowns.failed(way, RateLimited("no"), began_ms)
    await cooldowns.succeeded(way, began_ms)
    assert cooldowns.of(way) is not None


async def test_failure_long_after_the_last_one_is_a_first_one() -> None:
    clock, way = ManualClock(), WayId("p", "h", "k", "m")
    cooldowns = Cooldowns(DefaultCooldown(), clock)
    counts = []
    for pause in (0, 100, 4000):
        await clock.advance(pause)
        await cooldowns.failed(way, RateLimited("no"), unix_ms(clock.now()))
        cooldown = cooldowns.of(way)
        assert cooldown is not None
        counts.append(cooldown.failures)
    assert counts == [1, 2, 1]


def test_dead_server_is_left_alone_and_then_tried_by_one_call() -> None:
    ways = ways_of(1, 1)
    breakers = Breakers()
    pool = Pool(Cooldowns(DefaultCooldown(), ManualClock()), breakers)
    dead, sound = ways
    for _ in range(FAILURES):
        breakers.unreachable(dead.id.server, 0)
    assert {pool.pick(ways, 1) for _ in range(5)} == {sound}
    assert pool.pick([dead], OPEN_MS - 1) is None
    assert pool.pick([dead], OPEN_MS) is dead
    assert pool.pick([dead], OPEN_MS) is None
    breakers.reached(dead.id.server)
    assert [pool.pick([dead], OPEN_MS) for _ in range(3)] == [dead] * 3
