"""The getUpdates loop: stored before acknowledged, and alive whatever comes."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.clock import ManualClock
from channels.errors import Unauthorized
from channels.telegram.api import BotApi
from channels.telegram.polling import ALLOWED_UPDATES, SILENT_SECONDS, UpdateLoop, next_offset, raw_update
from channels.telegram.request import AiohttpRequest
from channels.testing import MemoryInbox, eventually
from tests.unit.channels.setting import (
    TOKEN,
    Answer,
    ScriptedApi,
    body,
    hang_up,
    refusal,
    result,
    scripted_api,
)


@dataclass(slots=True)
class Scene:
    api: ScriptedApi
    clock: ManualClock
    inbox: MemoryInbox
    loop: UpdateLoop
    running: asyncio.Task[None]

    @property
    def offsets(self) -> list[int | None]:
        """What each poll acknowledged."""
        return [parameters.get("offset") for parameters in self.api.calls_of("getUpdates")]

    async def polls(self, count: int) -> None:
        await eventually(lambda: len(self.offsets) >= count or self.running.done())

    async def pause(self) -> float:
        """Wait until the loop pauses, then let it go on; how long it paused."""
        await eventually(lambda: self.clock.sleepers == 1 or self.running.done())
        started, polls = self.clock.monotonic(), len(self.api.calls)
        while len(self.api.calls) == polls and self.clock.sleepers:
            await self.clock.advance(0.5)
        return self.clock.monotonic() - started


@asynccontextmanager
async def polling(*answers: Answer) -> AsyncIterator[Scene]:
    async with scripted_api() as api, AiohttpRequest() as request:
        api.script["getUpdates"].extend(answers)
        clock, inbox = ManualClock(), MemoryInbox()
        loop = UpdateLoop(BotApi(request, f"{api.base}/bot{TOKEN}"), clock, "default")
        running = asyncio.create_task(loop.run(inbox))
        try:
            yield Scene(api, clock, inbox, loop, running)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def updates(*ids: int) -> Answer:
    return result([{"update_id": each, "message": {"text": f"第 {each}"}} for each in ids])


async def test_updates_are_stored_as_they_came_and_then_acknowledged() -> None:
    async with polling(updates(10, 11), updates(12)) as scene:
        await scene.polls(3)
        assert list(scene.inbox.stored) == ["10", "11", "12"]
        assert json.loads(scene.inbox.stored["11"].raw) == {"update_id": 11, "message": {"text": "第 11"}}
        assert scene.offsets == [None, 12, 13]


async def test_a_poll_waits_long_and_asks_for_what_we_read() -> None:
    async with polling() as scene:
        await scene.polls(1)
        (parameters,) = scene.api.calls_of("getUpdates")
        assert parameters == {"timeout": 30, "limit": 100, "allowed_updates": list(ALLOWED_UPDATES)}


async def test_a_webhook_that_stands_in_the_way_is_removed_and_nothing_pending_with_it() -> None:
    async with polling() as scene:
        await scene.polls(1)
        assert scene.api.calls[0] == ("deleteWebhook", {})


async def test_what_is_not_stored_is_not_acknowledged_and_comes_again() -> None:
    async with polling(updates(10), updates(10)) as scene:
        scene.inbox.refusal = OSError("disk full")
        await scene.polls(1)
        await eventually(lambda: scene.clock.sleepers == 1)
        assert scene.loop.expected_by == SILENT_SECONDS
        scene.inbox.refusal = None
        assert await scene.pause() == 1
        await scene.polls(3)
        assert scene.offsets == [None, None, 11]
        assert list(scene.inbox.stored) == ["10"]


async def test_ids_that_start_again_lower_are_followed() -> None:
    async with polling(updates(900), updates(17), updates(18)) as scene:
        await scene.polls(4)
        assert scene.offsets == [None, 901, 18, 19]
        assert list(scene.inbox.stored) == ["900", "17", "18"]


async def test_elements_that_are_no_updates_are_kept_and_passed() -> None:
    odd = result([{"update_id": 10}, "nonsense", {"no": "id"}, {"update_id": "11"}, {"update_id": 14}, None])
    async with polling(odd, updates(20)) as scene:
        await scene.polls(3)
        assert scene.offsets == [None, 16, 21]
        assert len(scene.inbox.stored) == 7
        assert {"10", "14", "20"} <= set(scene.inbox.stored)


async def test_an_element_without_an_id_at_the_very_start_makes_the_loop_slow_but_not_deaf(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with polling(result(["odd"]), result(["odd"]), result(["odd", {"update_id": 5}])) as scene:
        assert await scene.pause() == 1
        assert await scene.pause() == 2
        await scene.polls(4)
        assert scene.offsets == [None, None, None, 6]
        assert len(scene.inbox.stored) == 2
    assert [record.levelname for record in caplog.records].count("WARNING") == 1


async def test_faults_of_the_network_are_waited_out_longer_and_longer_and_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    faults: list[Answer] = [
        hang_up,
        body(b"<html>", 502),
        body(b"[1, 2]"),
        result({"a": 1}),
        refusal(500, "oops"),
        hang_up,
    ]
    async with polling(*faults, hang_up, updates(10), hang_up) as scene:
        assert [await scene.pause() for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
        await scene.polls(9)
        assert await scene.pause() == 1
        await scene.polls(10)
    said = [record.message for record in caplog.records if record.name.startswith("channels")]
    silent = "Telegram cannot be asked for updates"
    assert said == [silent, "Telegram gives updates again", silent]


async def test_another_poller_is_named_once_and_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    conflict = refusal(409, "Conflict: terminated by other getUpdates request")
    async with polling(conflict, conflict, updates(10)) as scene:
        assert [await scene.pause() for _ in range(2)] == [1, 2]
        await scene.polls(4)
        assert list(scene.inbox.stored) == ["10"]
    assert [record.message for record in caplog.records] == ["Somebody else polls for this bot or has set a webhook"]


async def test_a_429_is_obeyed_to_the_second() -> None:
    async with polling(refusal(429, "Too Many Requests: retry after 17", retry_after=17), updates(10)) as scene:
        assert await scene.pause() == 17
        await scene.polls(3)
        assert list(scene.inbox.stored) == ["10"]


@pytest.mark.parametrize("code", [401, 404])
async def test_a_refused_token_ends_the_loop(code: int) -> None:
    async with polling(refusal(code, "Unauthorized")) as scene:
        with pytest.raises(Unauthorized):
            await scene.running


async def test_a_poll_that_went_well_moves_on_when_the_next_is_expected() -> None:
    async with polling(hang_up, updates(10)) as scene:
        await scene.pause()
        await scene.polls(3)
        assert scene.loop.expected_by == 1 + SILENT_SECONDS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["update_id", "x"]), inner),
)


@given(st.lists(json_values | st.builds(lambda n: {"update_id": n}, st.integers(0, 2**40)), max_size=8))
def test_any_element_has_a_name_and_a_text_that_a_database_takes(elements: list[object]) -> None:
    stored = [raw_update(element) for element in elements]
    assert stored == [raw_update(element) for element in elements], "a repetition must bear the same name"
    for update in stored:
        (update.raw + update.update_id).encode()
        json.loads(update.raw)


@given(st.integers(0, 1000), st.lists(st.booleans(), min_size=1, max_size=20))
def test_the_offset_passes_every_element_and_nothing_unseen(first: int, known: list[bool]) -> None:
    ids = [first + 2 * number for number in range(len(known))]  # Telegram may leave gaps
    batch = [{"update_id": each} if keep else "odd" for each, keep in zip(ids, known, strict=True)]
    offset = next_offset(first, batch)
    assert offset is not None
    assert first < offset <= ids[-1] + 1
    if known[-1]:
        assert offset == ids[-1] + 1
