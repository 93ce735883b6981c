import asyncio
from collections.abc import Awaitable, Callable

from bot.sessions.lanes import Lanes


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

    lanes.submit("a", fail)
    lanes.submit("a", diary.job("held", held=True))
    lanes.submit("a", diary.job("last"))
    await turn()
    assert lanes.cancel("a")
    await lanes.wait_idle()
    assert diary.begun == ["held", "last"]
    assert not lanes.cancel("a")


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
