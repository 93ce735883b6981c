"""The events: who hears what, and how one reads on."""

import asyncio

import pytest

from bot.events import KEPT, MOST_UNREAD, Event, Events
from channels.clock import ManualClock


def everything(_event: Event) -> bool:
    return True


async def test_a_listener_hears_what_it_wants_in_order() -> None:
    events = Events(ManualClock())
    with events.listen(lambda event: event.session_key == "a") as listener:
        for number, key in enumerate(["a", "b", "a"]):
            events.publish("chat.delta", key, {"number": number})
        assert [event.data["number"] for event in await listener.read()] == [0, 2]


async def test_nobody_hears_before_or_after_the_block() -> None:
    events = Events(ManualClock())
    events.publish("chat.start", "a", {})
    with events.listen(everything) as listener:
        reading = asyncio.ensure_future(listener.read())
        await asyncio.sleep(0)
        assert not reading.done()
        events.publish("chat.end", "a", {})
        assert [event.type for event in await reading] == ["chat.end"]
    assert not events.is_heard


async def test_who_lost_the_connection_reads_on() -> None:
    events = Events(ManualClock())
    start = events.newest_seq
    for number in range(3):
        events.publish("chat.delta", "a", {"number": number})
    missed = events.since(start + 1)
    assert missed is not None
    assert [event.data["number"] for event in missed] == [1, 2]
    assert events.since(events.newest_seq) == []


async def test_too_old_a_place_is_told_apart_from_nothing_new() -> None:
    events = Events(ManualClock())
    start = events.newest_seq
    assert events.since(start) == []
    for _ in range(KEPT + 1):
        events.publish("chat.delta", "a", {})
    assert events.since(start) is None
    assert events.since(start + 1) is not None


@pytest.mark.parametrize("seq", [-1, 1])
async def test_a_place_in_the_events_of_another_process_is_none_of_ours(seq: int) -> None:
    events = Events(ManualClock())
    assert events.since(events.newest_seq + seq) is None


async def test_a_slow_listener_is_let_go_and_stops_nobody() -> None:
    events = Events(ManualClock())
    with events.listen(everything) as slow, events.listen(everything) as fast:
        for _ in range(MOST_UNREAD):
            events.publish("chat.delta", "a", {})
        assert len(await fast.read()) == MOST_UNREAD
        events.publish("chat.delta", "a", {})
        assert await slow.read() == []
        assert slow.overrun
        assert len(await fast.read()) == 1
