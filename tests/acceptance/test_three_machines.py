"""Three `javis run` on one PostgreSQL and one Redis: one is cut off, one stands still, and later both come back."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests import redis_server
from tests.acceptance.bot_process import Machine
from tests.acceptance.machines import ALIVE, TASKS, Machines, copies, heard, machines
from tests.links import Link, own_network, proxied

TAKEN_OVER = "others have taken over its work"
HELD_SECONDS = 10  # so long that all three have taken tasks before the first is done, on a slow machine too
SENT = "SELECT count(*) > 2 FROM outbox WHERE state = 'sent'"


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server.own_server() as url:
        yield url


@pytest.fixture
async def links() -> AsyncIterator[list[Link]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(own_network()) for _ in range(3)]


class People:
    """Who talk to the echo, each in their own chat, and have tasks done in the group."""

    def __init__(self, simulator: Simulator) -> None:
        self._telegram = simulator.telegram
        self._lines: list[str] = []
        self._tasks: list[str] = []

    async def talk(self) -> None:
        """Until cancelled."""
        for _ in range(TASKS // 2):
            self._give_a_task()
        while True:
            self.say()
            await asyncio.sleep(0.2)

    def say(self) -> None:
        number = len(self._lines)
        user = FIRST_USER + number % 3
        self._lines.append(f"line {number}")
        self._telegram.say(user, user, self._lines[-1])
        if number % 8 == 0 and len(self._tasks) < TASKS:
            self._give_a_task()

    def _give_a_task(self) -> None:
        self._tasks.append(f"task {len(self._tasks)}")
        self._telegram.say(GROUP, FIRST_USER, f"Kimi: {self._tasks[-1]}")

    async def are_answered(self) -> None:
        """Wait until every line has its answer and every task its notice."""
        await self._telegram.wait_for_sent(lambda sent: heard(sent).keys() >= {*self._lines, *self._tasks})

    def check(self, several: Sequence[Machine]) -> None:
        """Nobody heard anything twice but in copies that say so, and no more of these than machines were lost."""
        assert max(heard(self._telegram.sent()).values()) == 1
        lost = sum(each.has_said(TAKEN_OVER) for each in several)
        assert max(copies(self._telegram.sent()).values(), default=0) <= lost


async def test_the_third_goes_on_while_one_is_cut_off_and_one_stands_still_and_both_come_back(
    tmp_path: Path, simulator: Simulator, postgresql_url: str, redis_url: str, links: list[Link]
) -> None:
    simulator.model.faults.switch_on("delay", seconds=HELD_SECONDS)
    people = People(simulator)
    async with machines(tmp_path, simulator, postgresql_url, links, redis_url=redis_url) as three:
        cut_off, *others = await _begin(three, 3)
        talking = asyncio.create_task(people.talk())
        await three.until("SELECT count(DISTINCT holder) FROM tasks WHERE state <> 'queued'", 3)
        simulator.model.faults.switch_on("delay", seconds=1)
        await links[0].cut()
        frozen = await _receiver(others)
        (third,) = set(others) - {frozen}
        frozen.process.send_signal(signal.SIGSTOP)
        await third.says("Receiving")
        await three.until(ALIVE, 1)
        await links[0].mend()
        frozen.process.send_signal(signal.SIGCONT)
        for late in (cut_off, frozen):
            await late.says(TAKEN_OVER)
        await three.until(ALIVE, 3)
        assert await third.end() == 0
        people.say()
        await _cancelled(talking)
        await people.are_answered()
        await three.delivered()
    people.check([cut_off, frozen, third])


async def test_a_machine_that_reaches_the_platform_but_not_the_database_leaves_the_chats_to_another(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    people = People(simulator)
    async with proxied("postgresql") as link, machines(tmp_path, simulator, postgresql_url, [link, None]) as both:
        first, second = await _begin(both, 2)
        talking = asyncio.create_task(people.talk())
        await both.until(SENT, True)
        await link.cut()
        await second.says("Receiving")
        await both.until(ALIVE, 1)
        await link.mend()
        await first.says(TAKEN_OVER)
        await both.until(ALIVE, 2)
        await _cancelled(talking)
        await people.are_answered()
        await both.delivered()
    people.check([first, second])


async def _begin(several: Machines, count: int) -> list[Machine]:
    """`count` machines at work; the first one holds the chats."""
    first = await several.start(0)
    await first.says("Receiving")
    others = [await several.start(number) for number in range(1, count)]
    await several.until(ALIVE, count)
    return [first, *others]


async def _receiver(some: Sequence[Machine]) -> Machine:
    """The first of them to receive."""
    waiting = {asyncio.create_task(each.says("Receiving")): each for each in some}
    done, others = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        await _cancelled(other)
    return waiting[done.pop()]


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
