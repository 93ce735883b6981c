"""The rate governor: how many may go when, in which order, and that waiting is nobody else's business."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.clock import ManualClock
from channels.governor import FEWEST_REMEMBERED, Governor
from tests.effort import calls_of

Sent = list[tuple[str, float]]


async def send_all(governor: Governor, clock: ManualClock, chats: Iterable[str], seconds: float) -> Sent:
    """Ask for a place for each of `chats` at once; who got one within `seconds`, and when."""
    sent: Sent = []

    async def send(chat: str) -> None:
        await governor.acquire(chat, is_group=chat.startswith("-"))
        sent.append((chat, clock.monotonic()))

    tasks = [asyncio.create_task(send(chat)) for chat in chats]
    await clock.advance(seconds)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return sent


def most_within(seconds: float, times: list[float]) -> int:
    return max((sum(start <= each < start + seconds - 1e-6 for each in times) for start in times), default=0)


async def test_a_chat_gets_a_short_burst_and_then_one_a_second() -> None:
    clock = ManualClock()
    sent = await send_all(Governor(clock, None, 1, None), clock, ["7"] * 6, 10)
    assert [at for _, at in sent] == pytest.approx([0, 0, 0, 3, 3, 3])


async def test_a_group_gets_no_more_than_its_minute_allows() -> None:
    clock = ManualClock()
    sent = await send_all(Governor(clock, None, None, 20), clock, ["-7"] * 50, 130)
    assert len(sent) == 50
    assert most_within(60, [at for _, at in sent]) == 20


async def test_a_direct_chat_knows_no_limit_of_groups() -> None:
    clock = ManualClock()
    assert len(await send_all(Governor(clock, None, None, 20), clock, ["7"] * 50, 0)) == 50


async def test_chats_share_the_bots_budget_in_the_order_in_which_they_came() -> None:
    clock = ManualClock()
    chats = [str(number) for number in range(1, 31)]
    sent = await send_all(Governor(clock, 10, 1, 20), clock, chats, 5)
    assert [chat for chat, _ in sent] == chats
    assert most_within(1, [at for _, at in sent]) == 10
    assert sent[-1][1] == pytest.approx(2)


async def test_a_held_chat_waits_and_no_other_does() -> None:
    clock = ManualClock()
    governor = Governor(clock, 30, 1, 20)
    governor.hold("7", 5)
    sent = await send_all(governor, clock, ["7", "8", "7", "9"], 20)
    assert sent == [("8", 0), ("9", 0), ("7", pytest.approx(5)), ("7", pytest.approx(5))]


async def test_a_hold_of_the_bot_stops_every_chat() -> None:
    clock = ManualClock()
    governor = Governor(clock, None, None, None)
    governor.hold(None, 5)
    assert await send_all(governor, clock, ["7", "8"], 20) == [("7", 5.0), ("8", 5.0)]


async def test_a_hold_that_comes_while_the_bot_waits_is_obeyed() -> None:
    clock = ManualClock()
    governor = Governor(clock, 1, None, None)
    first = asyncio.create_task(send_all(governor, clock, ["1"], 0))
    await first
    waiting = asyncio.create_task(governor.acquire("7", is_group=False))
    await clock.advance(0.5)
    governor.hold("7", 10)
    await clock.advance(9)
    assert not waiting.done()
    await clock.advance(1)
    assert waiting.done()


async def test_a_hold_without_limits_ends_and_is_forgotten() -> None:
    clock = ManualClock()
    governor = Governor(clock, None, None, None)
    governor.hold("7", 5)
    assert await send_all(governor, clock, ["7", "8"], 20) == [("8", 0), ("7", pytest.approx(5))]
    assert governor.remembered == 0


async def test_who_gives_up_waiting_neither_counts_nor_blocks() -> None:
    clock = ManualClock()
    governor = Governor(clock, 30, 1, None)
    assert len(await send_all(governor, clock, ["7"] * 9, 0)) == 3  # six of them give up
    assert len(await send_all(governor, clock, ["7"] * 3, 3)) == 3


async def test_typing_takes_no_place_that_a_message_waits_for() -> None:
    clock = ManualClock()
    governor = Governor(clock, 1, 1, None)
    assert governor.try_acquire("7")
    assert not governor.try_acquire("7")
    await clock.advance(1)
    governor.hold("7", 5)
    assert not governor.try_acquire("7")
    assert governor.try_acquire("8")


async def test_typing_costs_a_chat_nothing() -> None:
    clock = ManualClock()
    governor = Governor(clock, None, 1, 20)
    assert all(governor.try_acquire("-7") for _ in range(100))
    assert len(await send_all(governor, clock, ["-7"] * 3, 0)) == 3


async def test_waiting_for_ones_turn_takes_no_place() -> None:
    clock = ManualClock()
    governor = Governor(clock, None, 1, None)
    for _ in range(3):
        await governor.acquire("7", is_group=False)
    waiting = [asyncio.create_task(governor.wait_free("7")) for _ in range(5)]
    await clock.advance(2.9)
    assert not any(task.done() for task in waiting)
    await clock.advance(0.2)
    assert all(task.done() for task in waiting)
    await governor.wait_free("8")
    assert [at for _, at in await send_all(governor, clock, ["7"] * 3, 0)] == pytest.approx([3.1] * 3)


async def test_chats_that_fell_silent_are_forgotten() -> None:
    clock = ManualClock()
    governor = Governor(clock, None, 1, 20)
    for number in range(20):
        await send_all(governor, clock, [str(-1 - number * 1000 - chat) for chat in range(1000)], 0)
        await clock.advance(61)
    assert governor.remembered <= 2 * FEWEST_REMEMBERED


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(["1", "2", "-3", "-4"]), st.floats(0, 3)), max_size=40),
    st.floats(0.5, 5),
    st.floats(0.5, 5),
    st.floats(1, 10),
)
async def test_no_schedule_ever_breaks_a_limit(
    plan: list[tuple[str, float]], bot: float, chat_rate: float, group: float
) -> None:
    clock = ManualClock()
    governor = Governor(clock, bot, chat_rate, group)
    sent: Sent = []

    async def send(chat: str) -> None:
        await governor.acquire(chat, is_group=chat.startswith("-"))
        sent.append((chat, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        for chat, pause in plan:
            tasks.create_task(send(chat))
            await clock.advance(pause)
        await clock.until(lambda: len(sent) == len(plan), step=5)
    assert most_within(max(1, round(bot)) / bot, [at for _, at in sent]) <= max(1, round(bot))
    for chat in {chat for chat, _ in plan}:
        times = [at for each, at in sent if each == chat]
        assert times == sorted(times)
        assert most_within(3 / chat_rate, times) <= 3
        if chat.startswith("-"):
            assert most_within(60 * max(1, round(group)) / group, times) <= max(1, round(group))


def test_without_limits_it_costs_next_to_nothing() -> None:
    governor = Governor(ManualClock(), None, None, None)

    def acquire() -> None:
        with suppress(StopIteration):  # as soon as it runs: it waits for nothing
            governor.acquire("7", is_group=False).send(None)
            pytest.fail("it waits")

    assert calls_of(acquire) < 20


def drafts(governor: Governor, clock: ManualClock, chats: Iterable[str]) -> list[str]:
    """Those of `chats` that may show a draft right now."""
    return [chat for chat in chats if not governor.try_spare(chat, is_group=chat.startswith("-"))]


async def test_drafts_leave_the_bot_a_third_of_its_second() -> None:
    clock = ManualClock()
    governor = Governor(clock, 30, 1, 20)
    chats = [str(number) for number in range(100)]
    assert len(drafts(governor, clock, chats)) == 20
    sent = await send_all(governor, clock, [str(1000 + number) for number in range(10)], 0)
    assert len(sent) == 10, "messages need not wait for drafts"


async def test_drafts_wait_behind_messages_that_wait() -> None:
    clock = ManualClock()
    governor = Governor(clock, 1, None, None)
    waiting = [asyncio.create_task(governor.acquire(chat, is_group=False)) for chat in ("1", "2", "3")]
    await clock.advance(0)
    assert drafts(governor, clock, "45") == []
    await clock.advance(3)
    assert all(task.done() for task in waiting)
    await clock.advance(1)
    assert drafts(governor, clock, "45") == ["4"]


async def test_drafts_of_a_chat_are_spread_and_told_when_to_come_again() -> None:
    clock = ManualClock()
    governor = Governor(clock, 30, 1, 20)
    times = []
    while clock.monotonic() < 60:
        seconds = governor.try_spare("-7", is_group=True)
        if not seconds:
            times.append(clock.monotonic())
        await clock.advance(seconds or 0.1)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert len(times) == 13
    assert min(gaps) == pytest.approx(60 / 13)
    assert max(gaps) == pytest.approx(60 / 13, abs=0.2)


async def test_a_chat_that_must_wait_shows_no_draft() -> None:
    clock = ManualClock()
    governor = Governor(clock, None, None, None)
    governor.hold("7", 5)
    assert governor.try_spare("7", is_group=False) == pytest.approx(5)
    assert drafts(governor, clock, "8") == ["8"]
    await clock.advance(5)
    assert drafts(governor, clock, "7") == ["7"]
