import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.errors import GuardFailed
from bot.storage.sqlite import SqliteStorage, open_sqlite
from bot.tasks.results import ResultFiles
from bot.tasks.store import Outcome, TaskStore
from bot.tasks.task import Priority, TaskRequest, task_name
from bot.tasks.wording import BadOption, Wording, read_wording, task_text
from channels.clock import ManualClock


class Desk:
    def __init__(self, storage: SqliteStorage, folder: Path) -> None:
        self.storage = storage
        self.clock = ManualClock()
        self.tasks = TaskStore(storage, self.clock)
        self.folder = folder
        self.results = ResultFiles(folder, storage, self.tasks)

    async def create(self, prompt: str, priority: Priority = "normal", per_user: int = 99) -> str:
        request = TaskRequest(prompt, "kimi", "telegram:1", "zh-Hant", priority=priority)
        task_id, _, statement = self.tasks.create(request, per_user)
        await self.storage.commit([statement])
        return task_id

    async def next_prompt(self) -> str | None:
        task = await self.tasks.claim_next()
        return None if task is None else task.prompt


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
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
        task = await desk.tasks.claim(task_id)
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
    await desk.storage.commit([desk.tasks.acknowledge(task_id)])
    path.unlink()
    await desk.results.refresh()
    assert json.loads(path.read_text(encoding="utf-8"))["acknowledged"] is True
    assert {each.name for each in desk.folder.iterdir()} == {path.name, "latest.json"}


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
