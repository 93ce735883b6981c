"""The contract of a channel, as tests. For the authors of plugins, and for the built-in channels.

Write a harness that opens your channel against a local stand-in of its platform, and inherit the tests:

    class TestMyChannel(ChannelContract):
        @pytest.fixture
        async def harness(self) -> AsyncIterator[ChannelHarness]:
            async with run_my_platform() as platform:
                yield MyHarness(platform)

They need pytest and pytest-asyncio with `asyncio_mode = "auto"`. No test waits for the real clock.
"""
# ruff: noqa: S101 - asserts are what this module is for

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final, Literal, Protocol

import pytest
from typing_extensions import override

from channels.clock import ManualClock
from channels.errors import (
    ChannelError,
    ChatClosed,
    ChatMoved,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
    Unparsable,
)
from channels.message import Button, ChatChange, Delivery, Destination, InboundMessage, JsonObject, OutboundMessage
from channels.port import NOTHING, Channel, CommandCard, Inbox, Memory, RawUpdate, ShortMemory, Suggestion
from channels.utf16 import utf16_length

REAL_SECONDS: Final = 20  # a test that takes longer has failed

Fault = Literal[
    "rate_limited", "refused", "moved", "closed", "lost_answer", "server_error", "unreachable", "unauthorized"
]
"""What the platform can be made to do with the next part that it is sent."""

EXPECTED: Final[Mapping[Fault, type[ChannelError]]] = {
    "rate_limited": RateLimited,  # it asks to wait and takes nothing
    "refused": Refused,  # it will never take this
    "moved": ChatMoved,  # the chat lives elsewhere
    "closed": ChatClosed,  # the bot was removed from the chat, or blocked
    "lost_answer": OutcomeUnknown,  # it takes the part, and the connection breaks before it says so
    "server_error": OutcomeUnknown,  # it fails, nobody knows how far it came
    "unreachable": NotSent,  # nothing accepts a connection
    "unauthorized": Unauthorized,  # it no longer knows our token
}


class ChannelHarness(Protocol):
    """One platform with one open chat, as the tests need it."""

    @property
    def clock(self) -> ManualClock:
        """The clock of the channels that `open` makes."""
        ...

    @property
    def memory(self) -> Memory:
        """The memory of the channels that `open` makes: the same for all of them, as after a restart."""
        ...

    @property
    def destination(self) -> Destination:
        """The chat in which `say` speaks and `received` listens."""
        ...

    @property
    def faults(self) -> Collection[Fault]:
        """Those that `inject` knows."""
        ...

    @property
    def redelivers(self) -> bool:
        """Whether the platform repeats, to the next connection too, what was not acknowledged (a terminal cannot)."""
        ...

    def open(self) -> AbstractAsyncContextManager[Channel]:
        """A fresh connection to the platform."""
        ...

    async def say(self, text: str) -> None:
        """Let a person write into the chat."""
        ...

    def inject(self, fault: Fault) -> None:
        """Let the next part that is sent meet `fault`."""
        ...

    def text(self, payload: JsonObject) -> str:
        """The text in what the channel rendered, as the platform counts it."""
        ...

    def received(self) -> Sequence[str]:
        """The texts that the bot sent into the chat, in order."""
        ...


async def eventually(condition: Callable[[], bool]) -> None:
    """Let everything run until `condition` holds. No time passes on a ManualClock. Raises TimeoutError."""
    async with asyncio.timeout(REAL_SECONDS):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0)


class MemoryInbox(Inbox):
    """Keeps what it is given. While `refusal` is set it raises that, but still notes what was `offered`.

    What is to be remembered goes to `memory`; `suggestions` is what it answers to whoever asks for some.
    """

    def __init__(self, refusal: Exception | None = None, memory: Memory | None = None) -> None:
        self.refusal = refusal
        self.memory = ShortMemory() if memory is None else memory
        self.offered: list[RawUpdate] = []
        self.stored: dict[str, RawUpdate] = {}
        self.suggestions: list[Suggestion] = []

    @override
    async def store(
        self,
        updates: Sequence[RawUpdate],
        remember: Mapping[str, str] = NOTHING,
        *,
        within_seconds: float | None = None,
    ) -> None:
        self.offered.extend(updates)
        if self.refusal is not None:
            raise self.refusal
        for update in updates:
            self.stored.setdefault(update.update_id, update)
        await self.memory.remember(remember)

    @override
    async def suggest(self, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        return self.suggestions


@asynccontextmanager
async def receiving(channel: Channel, inbox: Inbox) -> AsyncIterator[None]:
    """Let the channel receive into `inbox` while the block runs."""
    task = asyncio.create_task(channel.receive(inbox), name="receive")
    try:
        yield
    finally:
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert outcome is None or isinstance(outcome, asyncio.CancelledError), "receive ended with an error"


class ChannelContract:
    """Inherit it and give it a fixture `harness`."""

    async def test_what_a_person_says_is_stored_and_can_be_read(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            said = await _hear(harness, channel, "hello, 你好 👋🏽")
        assert said.text == "hello, 你好 👋🏽"
        assert said.kind == "message"
        assert said.message_id
        assert said.origin.chat == harness.destination.chat
        assert (said.address.channel, said.address.account) == (said.origin.channel, said.origin.account)
        assert said.address.sender
        assert not said.sender_is_bot
        assert said.sent_at.utcoffset() is not None

    async def test_many_messages_come_once_each_and_in_order(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            inbox = _inbox(harness)
            async with receiving(channel, inbox):
                for number in range(20):
                    await harness.say(f"message {number}")
                await eventually(lambda: len(_texts(channel, inbox)) >= 20)
            assert _texts(channel, inbox) == [f"message {number}" for number in range(20)]

    async def test_what_the_store_refused_is_offered_again(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            inbox = _inbox(harness, OSError("the disk is full"))
            async with receiving(channel, inbox):
                await harness.say("keep me")
                await eventually(lambda: bool(inbox.offered) and harness.clock.sleepers > 0)
                inbox.refusal = None
                await _advance_until(harness.clock, lambda: bool(inbox.stored))
            assert _texts(channel, inbox) == ["keep me"]

    async def test_what_was_not_stored_comes_again_after_a_crash_under_the_same_id(
        self, harness: ChannelHarness
    ) -> None:
        if not harness.redelivers:
            pytest.skip("this platform repeats nothing")
        first, second = _inbox(harness, OSError("the disk is full")), _inbox(harness)
        async with harness.open() as channel, receiving(channel, first):
            await harness.say("keep me")
            await eventually(lambda: bool(first.offered))
        async with harness.open() as channel, receiving(channel, second):
            await eventually(lambda: bool(second.stored))
        assert first.offered[0].update_id in second.stored

    async def test_what_was_stored_is_acknowledged(self, harness: ChannelHarness) -> None:
        first, second = _inbox(harness), _inbox(harness)
        async with harness.open() as channel, receiving(channel, first):
            await harness.say("one")
            await eventually(lambda: len(first.stored) == 1)
            await harness.say("two")
            await eventually(lambda: len(first.stored) == 2)
        async with harness.open() as channel, receiving(channel, second):
            await harness.say("three")
            await eventually(lambda: bool(second.stored) and "three" in _texts(channel, second))
            assert "one" not in _texts(channel, second)

    async def test_reading_a_stored_event_is_pure(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            raw = await _hear_raw(harness, channel, "hello")
            before = json.dumps(raw)
            assert channel.parse(raw) == channel.parse(raw)
            assert json.dumps(raw) == before

    async def test_any_damaged_event_is_read_passed_over_or_set_aside(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            raw = await _hear_raw(harness, channel, "hello")
            for damaged in _damaged(raw):
                try:
                    said = channel.parse(damaged)
                except Unparsable:
                    continue
                assert said is None or isinstance(said, InboundMessage | ChatChange)

    @pytest.mark.parametrize("text_format", ["plain", "markdown"])
    async def test_rendered_parts_fit_and_lose_no_word(
        self, harness: ChannelHarness, text_format: Literal["plain", "markdown"]
    ) -> None:
        async with harness.open() as channel:
            for text, words in _long_texts():
                parts = channel.render(OutboundMessage(harness.destination, text, text_format))
                assert parts, "a text with content must not vanish"
                shown = [harness.text(part) for part in parts]
                assert all(each.strip() and _fits(channel, each) for each in shown)
                places = ["".join(shown).find(word) for word in words]
                assert -1 not in places, "a word was lost or cut"
                assert places == sorted(places), "the order has changed"

    async def test_rendered_parts_are_json_and_can_be_kept(self, harness: ChannelHarness) -> None:
        message = OutboundMessage(
            harness.destination, "a **b** \ud800", "markdown", reply_to="1", buttons=(Button("OK", "/ok"),)
        )
        async with harness.open() as channel:
            parts = channel.render(message)
            assert [dict(part) for part in parts] == json.loads(json.dumps(parts, ensure_ascii=False).encode())
            assert channel.render(message) == parts

    async def test_parts_arrive_in_order_and_each_has_a_receipt(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            text = "\n\n".join(f"paragraph {number} " + "word " * 300 for number in range(8))
            parts = channel.render(OutboundMessage(harness.destination, text))
            receipts = [await _send(harness, channel, part) for part in parts]
            assert list(harness.received()) == [harness.text(part).strip() for part in parts]
            named = [receipt for receipt in receipts if receipt is not None]
            assert len(set(named)) == len(named)

    async def test_a_label_stands_above_the_text(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "**hello**", "markdown"))
            await _send(harness, channel, part, label="⚠️ maybe twice")
            assert harness.received()[-1].splitlines() == ["⚠️ maybe twice", *harness.text(part).splitlines()]

    @pytest.mark.parametrize("fault", EXPECTED)
    async def test_each_failure_says_what_to_do_next(self, harness: ChannelHarness, fault: Fault) -> None:
        if fault not in harness.faults:
            pytest.skip("this harness has no such fault")
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "hello"))
            harness.inject(fault)
            with pytest.raises(ChannelError) as caught:
                await _send(harness, channel, part)
            assert type(caught.value) is EXPECTED[fault]
            assert len(harness.received()) == (1 if fault == "lost_answer" else 0)
            assert harness.clock.sleepers == 0, "who waits out a failure inside send hides it"
            await channel.show_typing(harness.destination)

    @pytest.mark.parametrize("fault", ["rate_limited", "server_error", "lost_answer"])
    async def test_the_next_part_goes_through_after_a_passing_failure(
        self, harness: ChannelHarness, fault: Fault
    ) -> None:
        if fault not in harness.faults:
            pytest.skip("this harness has no such fault")
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "hello"))
            harness.inject(fault)
            with pytest.raises(ChannelError):
                await _send(harness, channel, part)
            await _send(harness, channel, part)
            assert harness.received()[-1] == "hello"

    async def test_transient_effects_never_raise(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            nowhere = replace(harness.destination, chat="no such chat", thread="x")
            await channel.show_typing(harness.destination)
            await channel.show_typing(nowhere)
            for raw in ({}, {"callback_query": {"id": "0"}}, await _hear_raw(harness, channel, "x")):
                await channel.acknowledge_press(raw)

    async def test_a_destination_that_cannot_exist_never_raises_anything_else(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "hello"))
            nowhere = replace(harness.destination, chat="no such chat", thread="x")
            try:
                await channel.send(Delivery("0" * 24, nowhere, part))
            except ChannelError:
                return

    async def test_the_channel_says_what_it_is(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            assert channel.identity
            assert all(channel.notes)
            assert channel.capabilities.text_limit is None or channel.capabilities.text_limit > 100
            await channel.publish_commands([CommandCard("new", {}, {"": "A fresh start", "zh-Hant": "新對話"})])


def _inbox(harness: ChannelHarness, refusal: Exception | None = None) -> MemoryInbox:
    return MemoryInbox(refusal, harness.memory)


async def _hear(harness: ChannelHarness, channel: Channel, text: str) -> InboundMessage:
    said = channel.parse(await _hear_raw(harness, channel, text))
    assert isinstance(said, InboundMessage)
    return said


async def _hear_raw(harness: ChannelHarness, channel: Channel, text: str) -> dict[str, Any]:
    """The stored event of a person saying `text`."""
    inbox = _inbox(harness)
    async with receiving(channel, inbox):
        await harness.say(text)
        await eventually(lambda: bool(inbox.stored))
    raw: dict[str, Any] = json.loads(next(iter(inbox.stored.values())).raw)
    return raw


def _texts(channel: Channel, inbox: MemoryInbox) -> list[str]:
    parsed = [channel.parse(json.loads(update.raw)) for update in inbox.stored.values()]
    return [said.text for said in parsed if isinstance(said, InboundMessage)]


async def _send(harness: ChannelHarness, channel: Channel, payload: JsonObject, label: str | None = None) -> str | None:
    """Send one part, letting the clock run while the channel's own rates make it wait; the message's id."""
    sending = asyncio.ensure_future(channel.send(Delivery("0" * 24, harness.destination, payload, label)))
    await _advance_until(harness.clock, sending.done)
    return (await sending).message_id


async def _advance_until(clock: ManualClock, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(REAL_SECONDS):
        while not condition():
            await asyncio.sleep(0)
            if clock.sleepers:
                await clock.advance(1)


def _fits(channel: Channel, text: str) -> bool:
    limit, unit = channel.capabilities.text_limit, channel.capabilities.text_unit
    sizes = {"utf16": utf16_length(text), "characters": len(text), "bytes": len(text.encode())}
    return limit is None or sizes[unit] <= limit


def _long_texts() -> Iterator[tuple[str, list[str]]]:
    """Texts that no platform takes at once, each with words that must come through whole and in order."""
    numbers = range(600)
    yield " ".join(f"word{n}" for n in numbers), [f"word{n}" for n in numbers]
    yield "".join(f"第{n}句話說完了。" for n in numbers), [f"第{n}句話說完了。" for n in numbers]
    yield "\n".join(f"👨‍👩‍👧‍👦{n}👍🏽🇹🇼" for n in numbers), [f"👨‍👩‍👧‍👦{n}👍🏽🇹🇼" for n in numbers]
    yield (
        "\n\n".join(f"see https://example.org/{n}/a?b=c" for n in numbers),
        [f"https://example.org/{n}/a?b=c" for n in numbers],
    )
    code = "\n".join(f"print({n})" for n in numbers)
    yield f"Code:\n\n```python\n{code}\n```\n\nEnd.", [f"print({n})" for n in numbers]


def _damaged(raw: JsonObject) -> Iterator[dict[str, Any]]:
    """`raw` again and again, each time with one value missing or of another kind."""
    for path in _paths(raw):
        for odd in (None, True, -1, 2**70, 1.5, "", "odd", [], [None], {}, {"id": "odd"}):
            yield _replaced(raw, path, odd)
    for key in raw:
        yield {name: value for name, value in raw.items() if name != key}
    yield {}


def _paths(value: object) -> Iterator[tuple[Any, ...]]:
    """The way to each value inside."""
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (key,)
        yield from ((key, *path) for path in _paths(each))


def _replaced(value: Any, path: tuple[Any, ...], odd: object) -> Any:
    if not path:
        return odd
    copy = dict(value) if isinstance(value, Mapping) else list(value)
    copy[path[0]] = _replaced(value[path[0]], path[1:], odd)
    return copy
