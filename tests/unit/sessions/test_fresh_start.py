"""A conversation that ends while an agent still thinks about something that was said in it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from typing_extensions import override

from bot.agents.port import Agent, Answer, Turn
from bot.house import House
from bot.methods import sessions as methods
from bot.methods.desk import CommandLine, Desk
from bot.sessions.store import Session
from bot.storage.sqlite import open_sqlite
from bot.stores import Stores, stores_on
from channels.clock import ManualClock
from tests.patience import PATIENCE_SECONDS
from tests.unit.torture.memory_platform import MemoryChannel, MemoryPlatform, Trap, house_in

KEY = "agent:main:telegram:direct:1"


class Thinker(Agent):
    """Thinks about each question until it is let go. `read` is what it had read before each."""

    id = "main"

    def __init__(self) -> None:
        self.read: dict[str, Sequence[str]] = {}
        self.doors: dict[str, asyncio.Event] = {}
        self.thinks = asyncio.Event()

    @override
    async def answer(self, turn: Turn) -> Answer:
        self.read[turn.text] = [record.content for record in await turn.history(10)]
        door = self.doors[turn.text] = asyncio.Event()
        self.thinks.set()
        await door.wait()
        return Answer(f"{turn.text}!")


class Scene:
    """One chat of a bot."""

    def __init__(self, house: House, platform: MemoryPlatform, channel: MemoryChannel, clock: ManualClock) -> None:
        self.house = house
        self.agent = Thinker()
        self._platform = platform
        self._channel = channel
        self._clock = clock
        house.road.agents = {"main": self.agent}

    async def say(self, *texts: str) -> None:
        """All at once, as a platform may tell it."""
        for text in texts:
            self._platform.say("1", text)
        for update in await self.house.stores.inbox.store("telegram", "default", self._platform.waiting):
            self.house.road.take(update, self._channel, lambda: None)
        self._platform.acknowledged += len(texts)

    async def thinking(self, text: str) -> None:
        while text not in self.agent.doors:
            self.agent.thinks.clear()
            await self.agent.thinks.wait()

    async def let_go(self, *texts: str) -> None:
        """Let the agent answer these, and wait for each answer to arrive."""
        for text in texts:
            await self.thinking(text)
            self.agent.doors[text].set()
            await self.shown(f"{text}!")

    async def shown(self, text: str) -> None:
        await self._until(lambda: text in [shown for _, shown, _ in self._platform.shown], f"{text!r} to arrive")

    async def answered(self) -> None:
        """Until each command was answered."""
        count = sum('"/' in update.raw for _, update in self._platform.said)
        shown = self._platform.shown
        await self._until(lambda: sum(not text.endswith("!") for _, text, _ in shown) >= count, "a command's answer")

    async def _until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, f"waited for {what}: {self._platform.shown}"
            await self._clock.advance(0.05)

    async def ask(self, text: str) -> None:
        await self.say(text)
        await self.let_go(text)

    async def ended(self) -> None:
        await self.house.ground.lanes.wait_idle()

    async def fresh(self) -> list[str]:
        """What the open conversation holds."""
        return [record.content for record in await self.house.stores.sessions.history(KEY, 10)]

    async def closed(self) -> list[list[str]]:
        """What the others hold, the oldest first."""
        store = self.house.stores.sessions
        found = [each for each in await store.of_key(KEY) if each.state != "open"]
        return [[record.content for record in await store.last(each.id, 10)] for each in reversed(found)]

    async def only(self) -> Session:
        (session,) = await self.house.stores.sessions.of_key(KEY)
        return session

    @property
    def desk(self) -> Desk:
        """The gateway's."""
        return Desk.at(
            self.house.stores,
            settings=self.house.settings,
            table=lambda: self.house.road.table,
            entries=lambda: (),
            id_problem=self.house.ground.id_problem,
        )

    @asynccontextmanager
    async def elsewhere(self) -> AsyncIterator[Stores]:
        """The stores of another process."""
        async with open_sqlite(self.house.settings.home / "javis.db") as storage:
            yield stores_on(storage, self._clock, self.house.settings)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock, platform = ManualClock(), MemoryPlatform()
    channel = MemoryChannel(platform, Trap(), clock)
    async with house_in(tmp_path, clock) as house:
        house.delivery.outgoing.opened("telegram", "default", channel)
        async with house.delivery.worker.outlet("telegram", "default", channel):
            yield Scene(house, platform, channel, clock)


async def test_new_answers_at_once_and_what_was_asked_before_stays_before(scene: Scene) -> None:
    await scene.say("q1")
    await scene.thinking("q1")
    await scene.say("/new")
    await scene.answered()
    await scene.let_go("q1")
    await scene.ended()
    assert await scene.fresh() == []
    assert await scene.closed() == [["q1", "q1!"]]
    await scene.ask("q2")
    assert scene.agent.read["q2"] == []
    assert await scene.fresh() == ["q2", "q2!"]


async def test_a_question_that_waits_belongs_to_the_conversation_in_which_it_was_asked(scene: Scene) -> None:
    await scene.ask("q1")
    await scene.say("q2", "q3", "/new", "q4", "/new", "q5")
    await scene.let_go("q2", "q3", "q4", "q5")
    await scene.ended()
    assert [scene.agent.read[each] for each in ("q3", "q4", "q5")] == [["q1", "q1!", "q2", "q2!"], [], []]
    assert await scene.closed() == [["q1", "q1!", "q2", "q2!", "q3", "q3!"], ["q4", "q4!"]]
    assert await scene.fresh() == ["q5", "q5!"]


async def test_a_conversation_that_ended_can_be_gone_on_with_meanwhile(scene: Scene) -> None:
    await scene.ask("q1")
    await scene.say("q2")
    await scene.thinking("q2")
    await scene.say("/new")
    await scene.answered()
    stores = scene.house.stores
    await stores.archive.restore(await scene.only())
    await scene.let_go("q2")
    await scene.ended()
    assert await scene.fresh() == ["q1", "q1!", "q2", "q2!"]


@pytest.mark.parametrize("asked_before", [False, True])
async def test_clearing_leaves_a_fresh_conversation_empty(scene: Scene, *, asked_before: bool) -> None:
    before = ["q1", "q1!"] if asked_before else []
    if asked_before:
        await scene.ask("q1")
    await scene.say("q2")
    await scene.thinking("q2")
    await methods.clear(scene.desk, CommandLine(), methods.One(session_key=KEY))
    await scene.let_go("q2")
    await scene.ended()
    assert await scene.fresh() == []
    assert await scene.closed() == [[*before, "q2", "q2!"]]


@pytest.mark.parametrize("asked_before", [False, True])
async def test_what_is_thought_about_is_forgotten_with_the_rest(scene: Scene, *, asked_before: bool) -> None:
    if asked_before:
        await scene.ask("q1")
    await scene.say("q2")
    await scene.thinking("q2")
    await methods.delete(scene.desk, CommandLine(), methods.One(session_key=KEY))
    await scene.let_go("q2")
    await scene.ended()
    assert await scene.house.stores.sessions.of_key(KEY) == []


async def test_another_process_may_forget_it(scene: Scene) -> None:
    await scene.ask("q1")
    await scene.say("q2")
    await scene.thinking("q2")
    async with scene.elsewhere() as stores:
        await stores.storage.commit([stores.sessions.delete(KEY)])
    await scene.let_go("q2")
    await scene.ended()
    assert await scene.house.stores.sessions.of_key(KEY) == []


async def test_what_comes_after_the_archive_s_file_gets_a_conversation_of_its_own_that_has_ended(scene: Scene) -> None:
    await scene.ask("q1")
    await scene.say("q2")
    await scene.thinking("q2")
    async with scene.elsewhere() as stores:
        await stores.storage.commit([stores.sessions.close(KEY)])
        archived = await stores.archive.store((await stores.sessions.of_key(KEY))[0])
    await scene.let_go("q2")
    await scene.ended()
    assert await scene.fresh() == []
    assert await scene.closed() == [[], ["q2", "q2!"]]
    late, early = await scene.house.stores.sessions.of_key(KEY)
    assert (late.state, late.messages) == ("closed", 2)
    assert (early.id, early.state, early.messages) == (archived.id, "archived", 2)
