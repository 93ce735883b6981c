"""A channel that is opened again while the process lives on: what is under way goes on, and is begun no second time."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from bot.agents.port import Agent, Answer, Turn
from bot.house import House
from channels.clock import ManualClock
from channels.message import Attachment, InboundMessage, JsonObject
from channels.port import Channel, HoldsFiles, Inbox
from routing.file import load_bindings
from routing.table import Table
from tests.patience import PATIENCE_SECONDS
from tests.unit.torture.memory_platform import MemoryChannel, MemoryPlatform, Trap, host_of, house_in


class Thinker(Agent):
    """Thinks about the first question until it is let go."""

    id = "main"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.done = asyncio.Event()

    @override
    async def answer(self, turn: Turn) -> Answer:
        self.asked.append(turn.text)
        await self.done.wait()
        return Answer(f"{turn.text}!")


class FlakyChannel(MemoryChannel, HoldsFiles):
    """Receives until `drop` is called. `edit <id> <text>` edits a message, `album` belongs to one, `file` comes with
    one, which is fetched while the channel is open."""

    def __init__(self, platform: MemoryPlatform, clock: ManualClock) -> None:
        super().__init__(platform, Trap(), clock)
        self.open = True
        self._dropped = asyncio.Event()

    def drop(self) -> None:
        self._dropped.set()

    @override
    async def receive(self, inbox: Inbox) -> None:
        receiving = asyncio.create_task(super().receive(inbox))
        try:
            await self._dropped.wait()
        finally:
            receiving.cancel()
        raise RuntimeError("a fault of the channel's own")

    @override
    def parse(self, raw: JsonObject) -> InboundMessage:
        message = super().parse(raw)
        if message.text == "file":
            return replace(message, attachments=(Attachment("document", "note.txt", "text/plain", 5, "f"),))
        if message.text == "album":
            return replace(message, album="a")
        if not message.text.startswith("edit "):
            return message
        _, message_id, text = message.text.split(" ", 2)
        return replace(message, kind="edit", message_id=message_id, text=text)

    @override
    async def fetch(self, attachment: Attachment, most_bytes: int) -> bytes | None:
        return b"hello" if self.open else None


class Scene:
    """One bot on one account, whose channel can be dropped."""

    def __init__(self, house: House, platform: MemoryPlatform, clock: ManualClock) -> None:
        self.house = house
        self.platform = platform
        self.clock = clock
        self.agent = Thinker()
        self.opened: list[FlakyChannel] = []
        house.road.agents = {"main": self.agent, "other": self.agent}

    @asynccontextmanager
    async def open_channel(self) -> AsyncIterator[Channel]:
        channel = FlakyChannel(self.platform, self.clock)
        self.opened.append(channel)
        try:
            yield channel
        finally:
            channel.open = False

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < end, f"waited for {what}: {self.agent.asked} {self.platform.shown}"
            await self.clock.advance(0.05)

    async def begun(self, text: str) -> None:
        await self.until(lambda: text in self.agent.asked, f"the agent to hear {text!r}")

    async def reopen(self) -> None:
        """Drop the channel, until it is open again and has looked through the inbox."""
        sign = f"sign {len(self.opened)}"
        self.platform.say(sign, sign)
        self.opened[-1].drop()
        await self.begun(sign)

    async def all_ended(self) -> None:
        self.agent.done.set()
        idle = asyncio.create_task(self.house.ground.lanes.wait_idle())
        await self.until(idle.done, "all work to end")
        (inbox,) = await self.house.stores.storage.read("inbox.waiting_count", {})
        assert inbox["waiting"] == 0

    async def answers(self, most: int) -> list[str]:
        await self.until(lambda: len(self.platform.shown) >= most, f"{most} answers")
        return sorted(text for _, text, _ in self.platform.shown)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    clock = ManualClock()
    async with house_in(tmp_path, clock) as house:
        made = Scene(house, MemoryPlatform(), clock)
        hosting = asyncio.create_task(host_of(house, made.open_channel).run())
        yield made
        hosting.cancel()
        with suppress(asyncio.CancelledError):
            await hosting


async def test_what_an_agent_thinks_about_is_not_asked_again_where_the_bindings_changed(
    scene: Scene, tmp_path: Path
) -> None:
    scene.platform.say("1", "question")
    await scene.begun("question")
    file = tmp_path / "other.yaml"
    file.write_text("agents: [{id: main, kind: echo}, {id: other, kind: echo}]\ndefaults: {agent: other}\n")
    bindings = load_bindings(file)
    scene.house.road.table = Table(bindings.bindings, bindings.defaults)
    await scene.reopen()
    await scene.all_ended()
    assert sorted(scene.agent.asked) == ["question", "sign 1"]
    assert await scene.answers(2) == ["question!", "sign 1!"]


async def test_an_edit_that_comes_over_the_new_connection_finds_the_question_that_waits(scene: Scene) -> None:
    scene.platform.say("1", "first")
    scene.platform.say("1", "second")
    await scene.begun("first")
    scene.platform.say("1", "edit 2 second, edited")
    await scene.reopen()
    await scene.all_ended()
    assert await scene.answers(3) == ["first!", "second, edited!", "sign 1!"]


async def test_a_question_that_waits_is_charged_nothing_for_a_channel_that_fails(scene: Scene) -> None:
    scene.platform.say("1", "first")
    scene.platform.say("1", "second")
    await scene.begun("first")
    for _ in range(5):
        await scene.reopen()
    await scene.all_ended()
    rows = scene.house.stores.storage._writer.execute("SELECT state, attempts FROM inbox").fetchall()  # type: ignore[attr-defined]
    assert {row["state"] for row in rows} == {"done"}
    assert (
        max(row["attempts"] for row in rows) <= 1
    )  # what is stored while the inbox is looked through counts as left over


async def test_the_files_of_a_question_that_waits_come_over_the_new_connection(scene: Scene) -> None:
    scene.platform.say("1", "first")
    scene.platform.say("1", "file")
    await scene.begun("first")
    await scene.reopen()
    await scene.all_ended()
    assert "hello" in scene.agent.asked[-1]


async def test_an_album_that_waits_is_not_added_to_itself(scene: Scene) -> None:
    scene.platform.say("1", "first")
    scene.platform.say("1", "album")
    await scene.begun("first")
    await scene.reopen()
    await scene.all_ended()
    assert scene.agent.asked[-1] == "album"
