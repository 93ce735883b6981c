"""Many jobs in random order, some of which ask to be alone: nobody works beside one that is, and none is forgotten."""

import asyncio
from random import Random

import pytest

from bot.sessions.lanes import Lanes
from tests.patience import PATIENCE_SECONDS

KEYS = ("a", "b", "c", "brief d", "brief e")


class Crowd:
    """Works for as many turns of the loop as chance says. `among` are those that work, `alone` who must be the only
    one."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.lanes = Lanes(self.chance.randint(1, 3))
        self.asked: dict[str, list[int]] = {key: [] for key in KEYS}
        self.done: dict[str, list[int]] = {key: [] for key in KEYS}
        self.among: set[str] = set()
        self.apart: set[str] = set()
        self.alone: str | None = None

    def submit(self) -> None:
        key = self.chance.choice(KEYS)
        way = self.chance.choice(("among", "among", "among", "apart", "alone"))
        number = len(self.asked[key])
        self.asked[key].append(number)

        async def job() -> None:
            await self.some_turns()
            if way == "among":
                await self.work_among(key)
            else:
                async with self.lanes.alone(key, entirely=way == "alone"):
                    await self.work_apart(key, entirely=way == "alone")
            self.done[key].append(number)
            if self.chance.random() < 0.1:
                raise RuntimeError("a job's own fault")

        self.lanes.submit(key, job, brief=key.startswith("brief"))

    async def some_turns(self) -> None:
        for _ in range(self.chance.randint(0, 4)):
            await asyncio.sleep(0)

    async def work_among(self, key: str) -> None:
        assert self.alone is None
        self.among.add(key)
        await self.some_turns()
        assert self.alone is None
        self.among.discard(key)

    async def work_apart(self, key: str, *, entirely: bool) -> None:
        assert not self.apart
        assert not (entirely and self.among)
        self.apart.add(key)
        self.alone = key if entirely else None
        await self.some_turns()
        assert self.apart == {key}
        self.alone = None
        self.apart.discard(key)


@pytest.mark.parametrize("seed", range(100))
async def test_whoever_is_alone_is_so_and_every_job_has_its_turn(seed: int) -> None:
    crowd = Crowd(seed)
    for _ in range(40):
        crowd.submit()
        await crowd.some_turns()
    await asyncio.wait_for(crowd.lanes.wait_idle(), PATIENCE_SECONDS)
    assert crowd.done == crowd.asked
