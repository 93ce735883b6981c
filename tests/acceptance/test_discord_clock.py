"""Discord's deadlines, with bot and platform in this process on one clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot.app import run
from bot.settings.load import load_settings
from bot.simulation import simulated
from channels.clock import ManualClock
from channels.registry import load_manifests
from channels.simulator.discord.interactions import COMMAND_ANSWER
from channels.simulator.discord.posts import LOADING
from channels.simulator.discord.seed import CHANNEL, PEOPLE
from channels.simulator.server import Simulator
from routing.file import load_bindings
from tests.patience import PATIENCE_SECONDS

BINDINGS = "agents: [{id: main, kind: llm, model: kimi}]\nbindings: []\n"


class World:
    """A bot among stand-ins."""

    def __init__(self, simulator: Simulator, clock: ManualClock) -> None:
        self.simulator = simulator
        self.discord = simulator.discord
        self.clock = clock

    def asked(self) -> int:
        return len(self.simulator.model.calls)

    def answered(self) -> int:
        return sum(bool(each["content"]) for each in self.discord.sent(CHANNEL))

    async def until(self, condition: Callable[[], bool], *, seconds: float = 0) -> None:
        """Let everything run until it holds; with `seconds` the clock goes on by so much each time it does not yet."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                # Sockets and the disk take real time: a clock that ran away from them would let all deadlines pass.
                await asyncio.sleep(0.01 if seconds else 0)
                if seconds:
                    await self.clock.advance(seconds)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with _world(tmp_path) as world:
        yield world


@asynccontextmanager
async def _world(folder: Path) -> AsyncIterator[World]:
    (folder / "bindings.yaml").write_text(BINDINGS)
    (folder / "javis.yaml").write_text("gateway: {enabled: false}\n")
    manifests = load_manifests()
    settings = load_settings(folder / "javis.yaml", {"JAVIS_HOME": str(folder / "data")}, manifests)
    settings = replace(settings, dispatch=settings.dispatch.model_copy(update={"webhook_port": 0}))
    clock, stop = ManualClock(), asyncio.Event()
    async with simulated(settings, 0, clock) as (pointed, simulator):
        channels = {"discord": pointed.channels["discord"]}
        running = asyncio.create_task(
            run(
                replace(pointed, channels=channels),
                load_bindings(folder / "bindings.yaml"),
                manifests,
                stop=stop,
                clock=clock,
            )
        )
        world = World(simulator, clock)
        try:
            await world.until(
                lambda: running.done() or (world.discord.gateway.is_connected and bool(world.discord.state.commands))
            )
            yield world
        finally:
            stop.set()
            await world.until(running.done, seconds=0.1)
            await running


async def test_answer_that_takes_twenty_minutes_comes_as_a_message_in_the_channel(world: World) -> None:
    world.simulator.model.faults.switch_on("delay", seconds=200)
    for number in range(6):  # one turn at a time: the last one begins when 1000 seconds are over
        world.discord.command(CHANNEL, PEOPLE[0], "ask", {"text": f"question {number}"})
    await world.until(lambda: sum(bool(each["flags"] & LOADING) for each in world.discord.sent()) == 6)
    for number in range(6):
        await world.until(partial(_are_more, world.asked, number))
        await world.clock.advance(200)
        await world.until(partial(_are_more, world.answered, number))
    answers = world.discord.sent(CHANNEL)
    by_token = [each for each in answers if each["type"] == COMMAND_ANSWER and each["content"]]
    by_channel = [each for each in answers if each["type"] != COMMAND_ANSWER]
    assert (len(by_token), len(by_channel)) == (4, 2)
    assert all("webhook_id" not in each and each["mentions"] == [] for each in by_channel)


def _are_more(count: Callable[[], int], number: int) -> bool:
    return count() > number


async def test_lost_answer_is_settled_and_the_message_stands_there_once(world: World) -> None:
    world.discord.faults.switch_on("lose_answer", "createMessage", count=1)
    world.discord.say(CHANNEL, PEOPLE[0], "你好")
    await world.until(lambda: len(world.discord.sent(CHANNEL)) == 1)
    world.discord.say(CHANNEL, PEOPLE[0], "再說一次")
    await world.until(lambda: len(world.discord.sent(CHANNEL)) == 2, seconds=1)
    first, second = world.discord.sent(CHANNEL)
    assert first["content"] != second["content"]
    assert "可能" not in second["content"]


async def test_command_that_cannot_be_answered_in_three_seconds_is_answered_nowhere(world: World) -> None:
    world.discord.faults.switch_on("server_error", "interactionCallback", count=1)
    world.discord.command(CHANNEL, PEOPLE[0], "status")
    await world.until(lambda: world.discord.calls["interactionCallback"] == 1)
    await world.clock.advance(4)
    (interaction,) = world.discord.state.interactions.values()
    assert interaction.response is None
