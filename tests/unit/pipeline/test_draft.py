"""An answer is shown while it is written, on the platforms' stand-ins with the platforms' own limits."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from typing_extensions import override

from bot.inbox import StoredUpdate
from bot.pipeline.draft import EDIT_SECONDS, FIRST_SECONDS, Draft
from bot.pipeline.errand import Errand, answer_to
from bot.trace.road import Road
from channels.clock import ManualClock
from channels.config import BotAccount
from channels.discord.config import DiscordConfig
from channels.message import Delivery, Destination, InboundMessage, Receipt
from channels.port import Channel, ChannelContext, ShowsDrafts
from channels.registry import load_manifests, open_channel
from channels.simulator.call import Call
from channels.simulator.discord.seed import CHANNEL
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator, run_simulator
from channels.telegram.config import TelegramConfig
from channels.testing import eventually
from routing.address import Address, Peer

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALLS = {"sendMessage", "editMessageText", "createMessage", "editMessage"}
ID = "0123456789abcdef01234567"


class Watched(ShowsDrafts):
    """A channel's drafts, and how many of them are on their way."""

    def __init__(self, channel: ShowsDrafts) -> None:
        self._channel = channel
        self.under_way = 0

    @property
    @override
    def streams(self) -> bool:
        return self._channel.streams

    @override
    async def show_draft(self, delivery: Delivery) -> Receipt:
        self.under_way += 1
        try:
            return await self._channel.show_draft(delivery)
        finally:
            self.under_way -= 1


@dataclass
class Stage:
    """One chat of a platform, and one question in it."""

    simulator: Simulator
    clock: ManualClock
    channel: Channel
    drafts: Watched
    errand: Errand
    kept: list[Sequence[str]] = field(default_factory=list)
    clear: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.clear.set()

    def draft(self) -> Draft:
        async def keep(drafts: Sequence[str]) -> None:
            self.kept.append(tuple(drafts))

        return Draft(self.errand, self.drafts, self.clock, keep, self.clear.wait)

    def shown(self) -> list[str]:
        """The bot's messages in the chat, as they read now."""
        if self._on_telegram:
            return [each["text"] for each in self.simulator.telegram.sent()]
        return [each["content"] for each in self.simulator.discord.sent(CHANNEL)]

    def form(self, markdown: str) -> str:
        """What `shown` gives for such a text."""
        return markdown.replace("**", "") if self._on_telegram else markdown

    @property
    def platform(self) -> Any:
        return self.simulator.telegram if self._on_telegram else self.simulator.discord

    def calls(self) -> list[Call]:
        """Those by which messages came about, oldest first."""
        recent = self.simulator.telegram.api.recent if self._on_telegram else self.simulator.discord.rest.recent
        return [each for each in recent if each.method in CALLS]

    @property
    def _on_telegram(self) -> bool:
        return self.errand.message.origin.channel == "telegram"

    async def step(self, seconds: float) -> None:
        """Let time pass, and what is on its way arrive."""
        await self.clock.advance(seconds)
        await eventually(lambda: self.drafts.under_way == 0)
        await self.clock.advance(0)

    @asynccontextmanager
    async def begun(self, text: str) -> AsyncIterator[Draft]:
        """A draft that is shown from `text` on."""
        draft = self.draft()
        async with draft.showing():
            draft.hear(text)
            await self.step(0)
            await self.step(FIRST_SECONDS)
            yield draft

    async def answer(self, text: str) -> None:
        """What the delivery worker does with the answer's rows."""
        said = replace(answer_to(self.errand.message, text), format="markdown", drafts=tuple(self.errand.drafts))
        for part in self.channel.render(said):
            sending = asyncio.create_task(self.channel.send(Delivery(ID, said.destination, part)))
            await eventually(lambda: sending.done() or self.clock.sleepers > 0)  # noqa: B023 - it is awaited here
            await self.clock.until(sending.done)
            await sending


@asynccontextmanager
async def stage_on(name: str, chat: str | None = None, **settings: Any) -> AsyncIterator[Stage]:
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(run_simulator(port=0, state_dir=None, clock=clock))
        config: Any
        if name == "telegram":
            account = BotAccount(token=SecretStr(simulator.telegram_token))
            config = TelegramConfig(accounts={"default": account}, api_base=simulator.telegram_api_base, **settings)
            chat = chat or str(FIRST_USER)
            simulator.telegram.say(int(chat), FIRST_USER, "Tell me")
        else:
            account = BotAccount(token=SecretStr(simulator.discord_token))
            config = DiscordConfig(accounts={"default": account}, api_base=simulator.discord_api_base, **settings)
            chat = CHANNEL
        channel = await stack.enter_async_context(
            open_channel(load_manifests()[name], ChannelContext("default", config, clock))
        )
        address = Address(name, "default", Peer("group" if chat.startswith("-") else "direct", chat), sender="1")
        message = InboundMessage(address, Destination(name, "default", chat), "1", "Tell me", "Ann", NOW)
        assert isinstance(channel, ShowsDrafts)
        update, road = StoredUpdate(1, name, "default", "1", "{}"), Road(1, "1", message, NOW)
        errand = Errand(update, channel, lambda: None, message, "en", road)
        yield Stage(simulator, clock, channel, Watched(channel), errand)


@pytest.fixture(params=["telegram", "discord"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage_on(request.param) as made:
        yield made


async def test_the_answer_grows_in_one_message_and_ends_as_it_is(stage: Stage) -> None:
    async with stage.begun("Hello **wor") as draft:
        assert stage.shown() == [stage.form("Hello **wor** …")]
        draft.hear("ld**")
        draft.hear(", how")
        draft.hear(" are")
        await stage.step(EDIT_SECONDS + 1)
        assert stage.shown() == [stage.form("Hello **world**, how are …")]
    await stage.answer("Hello world, how are you?")
    assert stage.shown() == ["Hello world, how are you?"]
    assert [tuple(stage.errand.drafts)] == stage.kept
    assert len(stage.calls()) == 3, "what came between two edits is told by the later one"


async def test_what_is_whole_at_once_is_sent_at_once(stage: Stage) -> None:
    draft = stage.draft()
    async with draft.showing():
        draft.hear("Yes.")
        await stage.step(FIRST_SECONDS / 2)
    await stage.clock.advance(10)
    assert stage.calls() == []


async def test_a_beginning_that_outgrows_a_message_goes_on_in_the_next_one(stage: Stage) -> None:
    limit, draft = stage.channel.capabilities.text_limit or 0, stage.draft()
    text = " ".join(f"word{number}" for number in range(limit // 4))
    async with draft.showing():
        draft.hear(text[: limit // 2])
        await stage.step(0)
        await stage.step(FIRST_SECONDS)
        draft.hear(text[limit // 2 :])
        for _ in range(8):
            await stage.step(EDIT_SECONDS)
        assert " ".join(stage.shown()) == f"{text} …"
        assert len(stage.shown()) > 1
    await stage.answer(text)
    assert " ".join(stage.shown()) == text


async def test_an_answer_that_became_shorter_leaves_nothing_behind(stage: Stage) -> None:
    limit, draft = stage.channel.capabilities.text_limit or 0, stage.draft()
    async with draft.showing():
        draft.hear("word " * (limit // 4))
        await stage.step(0)
        for _ in range(8):
            await stage.step(EDIT_SECONDS)
        assert len(stage.shown()) == 2
        draft.begin()
        assert stage.shown()[0].startswith("word")
        draft.hear("No.")
        for _ in range(4):
            await stage.step(EDIT_SECONDS)
        assert stage.shown() == ["No. …"]
        assert [len(each) for each in stage.kept] == [1, 2, 1]
    await stage.answer("No!")
    assert stage.shown() == ["No!"]


async def test_edits_keep_the_pace_of_a_group_and_leave_room_in_it() -> None:
    async with stage_on("telegram", str(GROUP)) as stage:
        draft = stage.draft()
        async with draft.showing():
            for _ in range(120):
                draft.hear("one more ")
                await stage.step(0.5)
        assert 8 <= len(stage.calls()) <= 14
        assert {each.status for each in stage.calls()} == {200}, "the platform had no reason to complain"
        began = stage.clock.monotonic()
        await stage.answer("Done.")
        assert stage.clock.monotonic() == began, "the answer itself need not wait for a place"


async def test_who_asks_to_wait_is_left_alone_for_so_long(stage: Stage) -> None:
    draft = stage.draft()
    async with draft.showing():
        draft.hear("Hello")
        await stage.step(0)
        stage.platform.faults.switch_on("rate_limit", count=1, seconds=30)
        await stage.step(FIRST_SECONDS)
        assert [each.status for each in stage.calls()] == [429]
        draft.hear(" you")
        await stage.step(29)
        assert len(stage.calls()) == 1
        await stage.step(2)
        assert stage.shown() == ["Hello you …"]


async def test_a_draft_whose_name_nobody_knows_is_given_up() -> None:
    async with stage_on("telegram") as stage:
        stage.platform.faults.switch_on("lose_answer", "sendMessage", count=1)
        draft = stage.draft()
        async with draft.showing():
            draft.hear("Hello")
            await stage.step(0)
            await stage.clock.advance(FIRST_SECONDS)
            await eventually(lambda: len(stage.calls()) == 1)
            draft.hear(" you")
            for _ in range(5):
                await stage.clock.advance(EDIT_SECONDS)
        assert len(stage.calls()) == 1
        assert stage.errand.drafts == []


async def test_an_edit_whose_answer_is_lost_does_not_end_the_draft(stage: Stage) -> None:
    async with stage.begun("Hello") as draft:
        stage.platform.faults.switch_on("lose_answer", count=1)
        draft.hear(" you")
        await stage.step(2)
        draft.hear(" there")
        await stage.step(2)
        assert stage.shown() == ["Hello you there …"]


async def test_the_answer_never_meets_an_edit_that_is_still_under_way(stage: Stage) -> None:
    async with stage.begun("Hello") as draft:
        stage.platform.faults.switch_on("delay", count=1, seconds=5)
        draft.hear(" you")
        await stage.clock.advance(2)
        await eventually(lambda: stage.platform.faults.active == ())
        leaving = asyncio.create_task(stage.clock.advance(5))
    assert stage.shown() == ["Hello you …"]
    await leaving
    await stage.answer("Hello you two")
    assert stage.shown() == ["Hello you two"]


async def test_who_may_have_been_replaced_by_another_machine_shows_nothing(stage: Stage) -> None:
    draft = stage.draft()
    stage.clear.clear()
    async with draft.showing():
        draft.hear("Hello")
        await stage.step(0)
        await stage.step(5)
        assert stage.calls() == []
        stage.clear.set()
        await stage.step(0)
        assert stage.shown() == ["Hello …"]


async def test_a_deleted_draft_is_no_obstacle(stage: Stage) -> None:
    async with stage.begun("Hello"):
        pass
    stage.errand.drafts[:] = ["1480000000000000009"] if stage.errand.message.origin.channel == "discord" else ["999"]
    await stage.answer("Hello you")
    assert stage.shown() == ["Hello …", "Hello you"]
