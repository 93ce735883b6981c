import asyncio
from collections.abc import Awaitable, Callable

from bot.sessions.lanes import Lanes
from tests.patience import PATIENCE_SECONDS


class Diary:
    """Jobs that write down when they begin, and end when they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def job(self, name: str, *, held: bool = False) -> Callable[[], Awaitable[None]]:
        gate = self.gates[name] = asyncio.Event()
        if not held:
            gate.set()

        async def work() -> None:
            self.begun.append(name)
            await gate.wait()

        return work


async def turn() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_jobs_of_a_key_run_one_after_another_and_keys_side_by_side() -> None:
    diary, lanes = Diary(), Lanes(8)
    lanes.submit("a", diary.job("a1", held=True))
    lanes.submit("a", diary.job("a2"))
    lanes.submit("b", diary.job("b1"))
    await turn()
    assert diary.begun == ["a1", "b1"]
    assert lanes.busy("a")
    diary.gates["a1"].set()
    await lanes.wait_idle()
    assert diary.begun == ["a1", "b1", "a2"]
    assert not lanes.busy("a")


async def test_key_with_many_jobs_does_not_starve_another() -> None:
    diary, lanes = Diary(), Lanes(1)
    for number in range(3):
        lanes.submit("a", diary.job(f"a{number}"))
    lanes.submit("b", diary.job("b0"))
    await lanes.wait_idle()
    assert diary.begun == ["a0", "b0", "a1", "a2"]


async def test_failing_and_cancelled_jobs_end_alone() -> None:
    diary, lanes = Diary(), Lanes(2)

    async def fail() -> None:
        raise RuntimeError("a job's own fault")

    async def be_cancelled() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await diary.job("cancelled", held=True)()

    lanes.submit("a", fail)
    lanes.submit("a", be_cancelled)
    lanes.submit("a", diary.job("last"))
    await lanes.wait_idle()
    assert diary.begun == ["cancelled", "last"]


async def test_closing_waits_for_what_is_under_way_and_begins_nothing() -> None:
    diary, lanes = Diary(), Lanes(1)
    async with lanes.open(grace_seconds=0.01):
        lanes.submit("a", diary.job("held", held=True))
        lanes.submit("b", diary.job("waiting"))
        await turn()
    assert diary.begun == ["held"]


async def test_a_step_behind_a_key_is_taken_once_its_jobs_have_ended_and_at_once_where_there_are_none() -> None:
    diary, lanes = Diary(), Lanes(8)
    lanes.after("a", lambda: diary.begun.append("at once"))
    lanes.submit("a", diary.job("a1", held=True))
    lanes.submit("a", diary.job("a2"))
    lanes.after("a", lambda: diary.begun.append("behind"))
    lanes.after("a", lambda: diary.begun.append("behind it"))
    await turn()
    assert diary.begun == ["at once", "a1"]
    diary.gates["a1"].set()
    await lanes.wait_idle()
    assert diary.begun == ["at once", "a1", "a2", "behind", "behind it"]


async def test_brief_keys_wait_for_no_place_and_keep_their_order() -> None:
    diary, lanes = Diary(), Lanes(1)
    lanes.submit("slow", diary.job("slow", held=True))
    lanes.submit("other", diary.job("other"))
    for name in ("first", "second"):
        lanes.submit("command", diary.job(name), brief=True)
    await turn()
    assert diary.begun == ["slow", "first", "second"]
    diary.gates["slow"].set()
    await lanes.wait_idle()
    assert diary.begun == ["slow", "first", "second", "other"]


def apart(lanes: Lanes, key: str, job: Callable[[], Awaitable[None]], *, entirely: bool) -> None:
    async def work() -> None:
        async with lanes.alone(key, entirely=entirely):
            await job()

    lanes.submit(key, work)


async def test_those_that_work_alone_do_so_one_at_a_time_and_take_no_place_meanwhile() -> None:
    diary, lanes = Diary(), Lanes(1)
    for key in "abc":
        apart(lanes, key, diary.job(key, held=True), entirely=False)
    lanes.submit("a", diary.job("behind a"))
    lanes.submit("other", diary.job("other", held=True))
    await turn()
    assert diary.begun == ["a", "other"]
    diary.gates["a"].set()
    await turn()
    assert diary.begun == ["a", "other", "b"]  # the one place is taken
    diary.gates["other"].set()
    await turn()
    assert diary.begun == ["a", "other", "b", "behind a"]
    diary.gates["b"].set()
    diary.gates["c"].set()
    await lanes.wait_idle()
    assert diary.begun == ["a", "other", "b", "behind a", "c"]


async def test_who_works_entirely_alone_waits_for_the_others_and_lets_nobody_begin() -> None:
    diary, lanes = Diary(), Lanes(8)
    lanes.submit("before", diary.job("before", held=True))
    lanes.submit("before", diary.job("behind it"))
    apart(lanes, "a", diary.job("a", held=True), entirely=True)
    apart(lanes, "b", diary.job("b"), entirely=True)
    await turn()
    lanes.submit("after", diary.job("after"))
    lanes.submit("command", diary.job("command"), brief=True)
    await turn()
    assert diary.begun == ["before"]
    diary.gates["before"].set()
    await turn()
    assert diary.begun == ["before", "a"]
    diary.gates["a"].set()
    await lanes.wait_idle()
    assert diary.begun[:2] == ["before", "a"]
    assert sorted(diary.begun[2:]) == ["after", "b", "behind it", "command"]


async def test_closing_ends_at_once_what_waits_to_be_alone() -> None:
    diary, lanes = Diary(), Lanes(8)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async with lanes.open(grace_seconds=10 * PATIENCE_SECONDS):
            apart(lanes, "a", diary.job("a", held=True), entirely=False)
            apart(lanes, "b", diary.job("b", held=True), entirely=False)
            await turn()
            asyncio.get_running_loop().call_soon(diary.gates["a"].set)
    assert diary.begun == ["a"]
    assert not lanes._running
