"""What the tests of a channel need: its platform, an inbox, and a clock that is moved by hand."""
# ruff: noqa: S101 - asserts are what this module is for

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Literal, Protocol

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
)
from channels.message import Delivery, Destination, InboundMessage, JsonObject
from channels.port import NOTHING, Channel, Inbox, Memory, RawUpdate, ShortMemory, Suggestion

REAL_SECONDS: Final = 120  # for what is sure to come: only a hang takes so long, however slow the machine is

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

    clock: ManualClock
    """The clock of the channels that `open` makes."""

    memory: Memory
    """The memory of the channels that `open` makes: the same for all of them, as after a restart."""

    destination: Destination
    """The chat in which `say` speaks and `received` listens."""

    faults: Collection[Fault]
    """Those that `inject` knows."""

    redelivers: bool = True
    """Whether the platform repeats, to the next connection too, what was not acknowledged (a terminal cannot)."""

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


def inbox_of(harness: ChannelHarness, refusal: Exception | None = None) -> MemoryInbox:
    return MemoryInbox(refusal, harness.memory)


async def hear(harness: ChannelHarness, channel: Channel, text: str) -> InboundMessage:
    said = channel.parse(await hear_raw(harness, channel, text))
    assert isinstance(said, InboundMessage)
    return said


async def hear_raw(harness: ChannelHarness, channel: Channel, text: str) -> dict[str, Any]:
    """The stored event of a person saying `text`."""
    inbox = inbox_of(harness)
    async with receiving(channel, inbox):
        await harness.say(text)
        await eventually(lambda: bool(inbox.stored))
    raw: dict[str, Any] = json.loads(next(iter(inbox.stored.values())).raw)
    return raw


def texts(channel: Channel, inbox: MemoryInbox) -> list[str]:
    parsed = [channel.parse(json.loads(update.raw)) for update in inbox.stored.values()]
    return [said.text for said in parsed if isinstance(said, InboundMessage)]


async def send(harness: ChannelHarness, channel: Channel, payload: JsonObject, label: str | None = None) -> str | None:
    """Send one part, letting the clock run while the channel's own rates make it wait; the message's id.

    Equal parts have one id: a platform that knows it again may take the second for a repetition.
    """
    part = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:24]
    sending = asyncio.ensure_future(channel.send(Delivery(part, harness.destination, payload, label)))
    await advance_until(harness.clock, sending.done)
    return (await sending).message_id


async def advance_until(clock: ManualClock, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(REAL_SECONDS):
        while not condition():
            await asyncio.sleep(0)
            if clock.sleepers:
                await clock.advance(1)
