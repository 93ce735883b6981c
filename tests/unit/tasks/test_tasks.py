import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.images import Image
from bot.storage.errors import GuardFailed
from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from bot.tasks.projection import EndedTasks
from bot.tasks.reports import TaskReports
from bot.tasks.results import ResultFiles
from bot.tasks.store import Outcome, TaskStore
from bot.tasks.task import PATIENCE, Priority, Task, TaskRequest, task_name
from bot.tasks.wording import BadOption, Wording, read_wording, task_text
from channels.clock import ManualClock, SystemClock
from channels.message import Destination


class Desk:
    def __init__(self, storage: Storage, folder: Path) -> None:
        self.storage = storage
        self.clock = ManualClock()
        self.tasks = TaskStore(storage, self.clock)
        self.ended, self.reports = EndedTasks(storage), TaskReports(storage, self.clock)
        self.folder = folder
        self.results = ResultFiles(folder, storage)

    async def create(self, prompt: str, priority: Priority = "normal", per_user: int = 99, most: int = 999) -> str:
        request = TaskRequest(prompt, "kimi", "telegram:1", "zh-Hant", priority=priority)
        task_id, _, statement = self.tasks.create(request, per_user, most)
        await self.storage.commit([statement])
        return task_id

    async def next_prompt(self) -> str | None:
        task = await self.tasks.claim_next()
        return None if task is None else task.prompt


@pytest.fixture
async def desk(any_database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_storage(any_database, SystemClock()) as storage:
        yield Desk(storage, tmp_path / "kimi-dispatch" / "results")


async def test_high_goes_first_and_low_never_starves(desk: Desk) -> None:
    await desk.create("low", "low")
    await desk.create("normal")
    await desk.create("high", "high")
    assert [await desk.next_prompt() for _ in range(2)] == ["high", "normal"]
    await desk.clock.advance(700)
    await desk.create("late high", "high")
    assert [await desk.next_prompt() for _ in range(3)] == ["low", "late high", None]


async def test_person_with_too_many_open_tasks_is_refused(desk: Desk) -> None:
    await desk.create("one", per_user=1)
    with pytest.raises(GuardFailed):
        await desk.create("two", per_user=1)


async def test_what_is_tried_again_counts_as_what_is_asked_for(desk: Desk) -> None:
    tasks = []
    for _ in range(2):
        task_id = await desk.create("x")
        await desk.storage.commit([desk.tasks.cancel(task_id)])
        task = await desk.tasks.get(task_id)
        assert task is not None
        tasks.append(task)
    await desk.storage.commit([desk.tasks.retry(tasks[0], per_user=1, most=1)])
    for bounds in ({"per_user": 1}, {"most": 1}):
        with pytest.raises(GuardFailed):
            await desk.storage.commit([desk.tasks.retry(tasks[1], **bounds)])
    await desk.storage.commit([desk.tasks.retry(tasks[1], per_user=2, most=2)])


async def test_task_above_the_bound_of_everybody_is_refused_until_one_ends(desk: Desk) -> None:
    first = await desk.create("one", most=1)
    with pytest.raises(GuardFailed):
        await desk.create("two", most=1)
    await desk.storage.commit([desk.tasks.cancel(first)])
    await desk.create("two", most=1)


BURSTS = st.tuples(st.sampled_from(["high", "normal", "low"]), st.integers(1, 3), st.integers(1, 240))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bursts=st.lists(BURSTS, max_size=25))
async def test_low_task_is_overtaken_only_by_what_is_asked_for_within_ten_minutes(
    desk: Desk, bursts: list[tuple[Priority, int, int]]
) -> None:
    """So the number of claims before it is bounded by what those ten minutes brought, however much comes later."""
    patient = await desk.create("patient", "low")
    last = desk.clock.now() + PATIENCE["low"]
    begun: list[Task] = []

    async def begin() -> bool:
        task = await desk.tasks.claim_next()
        if task is not None:
            begun.append(task)
            await desk.storage.commit([desk.tasks.cancel(task.id)])
        return task is not None

    for priority, count, seconds in bursts:
        for _ in range(count):
            await desk.create("other", priority)
        await desk.clock.advance(seconds)
        await begin()
    while await begin():
        pass
    before = begun[: [task.id for task in begun].index(patient)]
    assert len(begun) == 1 + sum(count for _, count, _ in bursts)
    assert all(task.created <= last for task in before)


async def test_file_of_a_row_that_moves_on_while_it_is_written_stays_marked(desk: Desk) -> None:
    task_id = await desk.create("x")
    await desk.storage.commit([desk.tasks.cancel(task_id)])
    (written,) = await desk.ended.stale(9)
    await desk.clock.advance(1)
    await desk.storage.commit([desk.tasks.retry(written)])
    assert await desk.ended.stale(9) == []  # a file shows tasks that have ended
    await desk.storage.commit([desk.tasks.cancel(task_id)])
    await desk.storage.commit([desk.ended.written(written)])
    (stale,) = await desk.ended.stale(9)
    assert stale.finished != written.finished
    await desk.storage.commit([desk.ended.written(stale)])
    assert await desk.ended.stale(9) == []


async def test_cancelled_task_takes_no_late_result(desk: Desk) -> None:
    task_id = await desk.create("x")
    task = await desk.tasks.claim_next()
    assert task is not None
    await desk.storage.commit([desk.tasks.cancel(task_id)])
    with pytest.raises(GuardFailed):
        await desk.storage.commit([desk.tasks.finish(task, Outcome("succeeded", output="late"))])
    ended = await desk.tasks.get(task_id)
    assert ended is not None
    assert (ended.state, ended.output) == ("cancelled", None)


async def test_task_of_a_dead_process_is_begun_again_three_times(desk: Desk) -> None:
    task_id = await desk.create("x")
    for _ in range(4):
        assert await desk.next_prompt() == "x"
        await desk.tasks.recover()
    task = await desk.tasks.get(task_id)
    assert task is not None
    assert (task.state, task.error) == ("failed", "interrupted")


async def test_retry_makes_a_new_attempt_and_tokens_add_up(desk: Desk) -> None:
    task_id = await desk.create("x")
    for attempt in (1, 2):
        task = await desk.tasks.claim_next()
        assert task is not None
        assert task.attempt == attempt
        await desk.storage.commit([desk.tasks.finish(task, Outcome("failed", error="model_busy", total_tokens=5))])
        ended = await desk.tasks.find(task_id[:20])
        assert ended is not None
        await desk.storage.commit([desk.tasks.retry(ended)])
    final = await desk.tasks.get(task_id)
    assert final is not None
    assert (final.state, final.total_tokens) == ("queued", 10)


async def test_result_files_follow_the_rows_and_are_private(desk: Desk) -> None:
    task_id = await desk.create("x")
    task = await desk.tasks.claim_next()
    assert task is not None
    outcome = Outcome("succeeded", output="half a pair: \ud83d".encode("utf-8", "replace").decode(), answered_by="m")
    await desk.storage.commit([desk.tasks.finish(task, outcome)])
    await desk.results.refresh()
    path = desk.folder / f"{task_id}.json"
    assert json.loads(path.read_text(encoding="utf-8"))["status"] == "done"
    assert path.stat().st_mode & 0o777 == 0o600
    await desk.storage.commit([desk.reports.acknowledge(task_id, 1)])
    path.unlink()
    await desk.results.refresh()
    assert json.loads(path.read_text(encoding="utf-8"))["acknowledged"] is True
    assert {each.name for each in desk.folder.iterdir()} == {path.name, "latest.json"}


async def end(desk: Desk, output: str) -> str:
    """The id of a task that has ended."""
    task_id = await desk.create("x")
    task = await desk.tasks.claim_next()
    assert task is not None
    await desk.storage.commit([desk.tasks.finish(task, Outcome("succeeded", output=output))])
    await desk.clock.advance(1)
    return task_id


async def test_files_that_were_deleted_or_damaged_are_repaired_and_the_others_let_be(desk: Desk) -> None:
    deleted, damaged, whole, last = [desk.folder / f"{await end(desk, text)}.json" for text in ("a", "b", "c", "d")]
    await desk.results.refresh()
    before = {path: path.read_text(encoding="utf-8") for path in desk.folder.iterdir()}
    untouched = [path.stat().st_ino for path in (whole, last)]
    deleted.unlink()
    damaged.write_text(before[damaged][:20], encoding="utf-8")
    await desk.results.repair()
    assert {path: path.read_text(encoding="utf-8") for path in desk.folder.iterdir()} == before
    assert [path.stat().st_ino for path in (whole, last)] == untouched
    (desk.folder / "latest.json").write_bytes(b"\xff")
    await desk.results.repair()
    assert (desk.folder / "latest.json").read_text(encoding="utf-8") == before[last]


async def test_late_delivery_of_an_earlier_notice_acknowledges_nothing(desk: Desk) -> None:
    task_id = await end(desk, "first")
    ended = await desk.tasks.find(task_id)
    assert ended is not None
    await desk.storage.commit([desk.tasks.retry(ended)])
    await desk.storage.commit([desk.tasks.cancel(task_id)])
    await desk.storage.commit([desk.reports.acknowledge(task_id, 1)])
    again = await desk.tasks.find(task_id)
    assert again is not None
    assert (again.attempt, again.acknowledged) == (2, False)


async def test_images_stay_with_their_task_until_a_week_after_its_end(desk: Desk) -> None:
    images = [Image("image/gif", b"GIF89a" + bytes([0, 255, number])) for number in range(3)]
    request = TaskRequest("look", "kimi", "telegram:1", "en", images=images)
    task_id, _, statement = desk.tasks.create(request, 9, 9)
    await desk.storage.commit([statement, *desk.tasks.keep_images(task_id, images)])
    task = await desk.tasks.claim_next()
    assert task is not None
    assert await desk.tasks.images(task) == images
    await desk.clock.advance(timedelta(days=8).total_seconds())
    await desk.storage.commit([desk.tasks.prune()])
    assert await desk.tasks.images(task) == images
    await desk.storage.commit([desk.tasks.finish(task, Outcome("succeeded", output="a dot"))])
    await desk.clock.advance(timedelta(days=6).total_seconds())
    await desk.storage.commit([desk.tasks.prune()])
    assert await desk.tasks.images(task) == images
    await desk.clock.advance(timedelta(days=2).total_seconds())
    await desk.storage.commit([desk.tasks.prune()])
    assert await desk.tasks.images(task) == []


@pytest.mark.parametrize(
    ("text", "rest"),
    [("Kimi: x", "x"), ("Kimi：x", "x"), ("kimi:x", "x"), ("KIMI ： x", "x"), ("Kimi x", None), ("a Kimi: x", None)],
)
def test_opening_is_recognised(text: str, rest: str | None) -> None:
    assert task_text(text) == rest


def test_options_stand_in_front_only() -> None:
    read = read_wording('name="週 報" priority=HIGH temperature=0.5 model=k2 寫 name=x 的報告')
    assert read == Wording("寫 name=x 的報告", "週 報", "k2", 0.5, "high")


@pytest.mark.parametrize("text", ["priority=soon x", "temperature=warm x", "temperature=3 x", "temperature=nan x"])
def test_impossible_option_is_told(text: str) -> None:
    with pytest.raises(BadOption):
        read_wording(text)


def test_name_is_the_first_line_cut_at_forty_characters() -> None:
    assert task_name(None, "\n" + "字" * 50 + "\nsecond") == "字" * 40
    assert task_name(" given ", "x") == "given"
    assert task_name(" \u200b ", "\u200b\nx") == "x"


@pytest.mark.parametrize("character", ["👨\u200d👩\u200d👧", "👍🏽", "❤\ufe0f", "e\u0301\u0302", "🇹🇼", "1\ufe0f\u20e3"])
@pytest.mark.parametrize("before", range(34, 41))
def test_name_is_cut_between_characters_as_readers_count_them(character: str, before: int) -> None:
    name = task_name(None, "x" * before + character * 30)
    assert len(name) <= 40
    assert name.lstrip("x").replace(character, "") == ""


def test_name_that_is_one_endless_character_is_cut_all_the_same() -> None:
    assert task_name(None, "e" + "\u0301" * 90) == "e" + "\u0301" * 39


async def test_pending_is_what_has_not_ended_and_what_may_still_be_told(desk: Desk) -> None:
    told = Destination("telegram", "default", "1")
    for prompt in ("untold", "still running"):
        request = TaskRequest(prompt, "kimi", "telegram:1", "en", notify=told)
        await desk.storage.commit([desk.tasks.create(request, 9, 9)[2]])
        await desk.clock.advance(1)
    task = await desk.tasks.claim_next()
    assert task is not None
    await desk.tasks.claim_next()
    await desk.storage.commit([desk.tasks.finish(task, Outcome("succeeded", output="x"))])
    await desk.clock.advance(timedelta(days=7).total_seconds())
    week = timedelta(days=7)
    assert [task.prompt for task in await desk.reports.pending(week, 9)] == ["untold", "still running"]
    await desk.clock.advance(1)
    assert [task.prompt for task in await desk.reports.pending(week, 9)] == ["still running"]
