"""A whole road in one event loop over a platform in memory, so that it can be made to die at any step of its own."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from typing_extensions import override

from bot.agents.echo import EchoAgent
from bot.agents.port import Answer, Turn
from bot.channel_host import ChannelHost
from bot.command import Call, Reply
from bot.commands import Commands
from bot.house import House, open_house
from bot.settings.load import load_settings
from bot.storage import sqlite
from bot.storage.port import Statement
from channels.capabilities import Capabilities
from channels.clock import Clock, ManualClock
from channels.drafts import LEFT_OVER, draft_of, with_drafts
from channels.errors import ChannelError, NotSent, OutcomeUnknown, RateLimited
from channels.message import Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import Channel, CommandCard, Inbox, RawUpdate, ShowsDrafts
from channels.registry import load_manifests
from channels.unfinished import SIGN
from routing.address import Address, Peer
from routing.file import load_bindings

SETTINGS = "channels: {telegram: {dm_policy: open, accounts: {default: {token: '1:a'}}}}\ngateway: {enabled: false}\n"
BINDINGS = "agents: [{id: main, kind: echo}]\nbindings: []\n"

LETTER_SECONDS: Final = 4.0

Moment = Literal[
    "die_before_commit", "die_after_commit", "die_in_turn", "no_commit", "die_before_wire", "die_after_wire"
]
Step = Moment | Literal["not_sent", "rate_limited", "outcome_unknown"]
_FAILURES: Mapping[Step, ChannelError] = {
    "not_sent": NotSent("no route"),
    "rate_limited": RateLimited(2),
    "outcome_unknown": OutcomeUnknown("timed out"),
}


class Trap:
    """What goes wrong at the Nth step of its kind; `sprung` tells whether it came to that. Once dead, nothing more
    reaches the disk or the wire."""

    def __init__(self, step: Step | None = None, number: int = 0) -> None:
        self.step = step
        self.number = number
        self.sprung = False
        self.dead = threading.Event()
        self._commits = 0
        self._calls = 0

    async def at_turn(self) -> None:
        """As an agent begins to think, or a command to run."""
        if self.step == "die_in_turn":
            self._die()
            await asyncio.Future()

    def at_commit(self, moment: Literal["before", "after"]) -> None:
        """In the writer thread, around every group of commits."""
        if self.dead.is_set():
            raise sqlite3.OperationalError("the process is dead")
        self._commits += moment == "before"
        if self._commits != self.number:
            return
        if self.step == f"die_{moment}_commit":
            self._die()
            raise sqlite3.OperationalError("the process dies")
        if self.step == "no_commit" and moment == "before":
            self.sprung = True
            error = sqlite3.OperationalError("disk full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    async def at_wire(self, moment: Literal["before", "after"]) -> None:
        if self.dead.is_set():
            await asyncio.Future()
        self._calls += moment == "before"
        if self._calls != self.number or self.step is None:
            return
        if self.step == f"die_{moment}_wire":
            self._die()
            await asyncio.Future()
        if self.step in _FAILURES and moment == ("after" if self.step == "outcome_unknown" else "before"):
            self.sprung = True
            raise _FAILURES[self.step]

    def _die(self) -> None:
        self.sprung = True
        self.dead.set()


class MemoryPlatform:
    """What outlives the bot: updates that it has not acknowledged, and all that it showed (chat, text, label).

    With `streams` an answer is shown while it is written: SIGN ends what is unfinished.
    """

    def __init__(self, *, streams: bool = False) -> None:
        self.streams = streams
        self.said: list[tuple[int, RawUpdate]] = []
        self.shown: list[tuple[str, str, str | None]] = []
        self.acknowledged = 0

    def say(self, chat: str, text: str) -> None:
        number = len(self.said) + 1
        raw = f'{{"id": {number}, "chat": "{chat}", "text": "{text}"}}'
        self.said.append((number, RawUpdate(str(number), raw)))

    @property
    def waiting(self) -> list[RawUpdate]:
        return [update for number, update in self.said if number > self.acknowledged]


class MemoryChannel(Channel):
    """The bot's end of the platform."""

    capabilities = Capabilities(None, "characters", "none")
    identity = "memory"
    notes: Sequence[str] = ()

    def __init__(self, platform: MemoryPlatform, trap: Trap, clock: ManualClock) -> None:
        self._platform = platform
        self._trap = trap
        self._clock = clock

    @override
    async def receive(self, inbox: Inbox) -> None:
        while True:
            batch = self._platform.waiting[:3]
            if batch:
                try:
                    await inbox.store(batch)
                except Exception:  # noqa: BLE001 - as a platform's own loop: offered again
                    await self._clock.sleep(1)
                    continue
                self._platform.acknowledged += len(batch)
            else:
                await asyncio.Future()

    @override
    def parse(self, raw: JsonObject) -> InboundMessage:
        origin = Destination("telegram", "default", raw["chat"])
        address = Address("telegram", "default", Peer("direct", raw["chat"]), sender=raw["chat"])
        sent_at = datetime(2026, 1, 1, tzinfo=UTC)
        return InboundMessage(address, origin, str(raw["id"]), raw["text"], "somebody", sent_at, mentioned=True)

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return [{"text": part} for part in message.text.split("/")]

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        await self._trap.at_wire("before")
        text = str(delivery.payload["text"])
        self._platform.shown.append((delivery.destination.chat, text, delivery.label))
        await self._trap.at_wire("after")
        return Receipt(str(len(self._platform.shown)))

    @override
    async def show_typing(self, destination: Destination) -> None: ...

    @override
    async def acknowledge_press(self, raw: JsonObject) -> None: ...

    @override
    async def publish_commands(self, commands: Sequence[CommandCard]) -> None: ...


class StreamingChannel(MemoryChannel, ShowsDrafts):
    """The same, where answers grow; what is taken away leaves an empty text."""

    streams = True

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        sign = SIGN if message.unfinished else ""
        return with_drafts(message, [{"text": part + sign} for part in message.text.split("/") if part])

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        payload, chat = delivery.payload, delivery.destination
        name = draft_of(payload, chat) or draft_of(payload, chat, LEFT_OVER)
        if name is None:
            return await super().send(delivery)
        await self._trap.at_wire("before")
        self._platform.shown[int(name) - 1] = chat.chat, str(payload.get("text", "")), delivery.label
        await self._trap.at_wire("after")
        return Receipt(None if LEFT_OVER in payload else name)

    @override
    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:
        if "text" in delivery.payload and draft_of(delivery.payload, delivery.destination) is None:
            raise OutcomeUnknown("nobody knows")
        raise NotSent("an edit may be repeated")

    @override
    async def show_draft(self, delivery: Delivery) -> Receipt:
        return await self.send(delivery)


def host_of(house: House, open_channel: Callable[[], AbstractAsyncContextManager[Channel]]) -> ChannelHost:
    """The host of the platform's one account."""
    return ChannelHost(
        name="telegram",
        account="default",
        needs_token=True,
        open_channel=open_channel,
        clock=house.clock,
        inbox=house.stores.inbox,
        path=house.road,
        outgoing=house.delivery.outgoing,
        worker=house.delivery.worker,
        commands=(),
    )


@asynccontextmanager
async def house_in(folder: Path, clock: ManualClock, settings_text: str = SETTINGS) -> AsyncIterator[House]:
    """A bot in `folder`, without its channels."""
    (folder / "javis.yaml").write_text(settings_text, encoding="utf-8")
    (folder / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")
    settings = load_settings(folder / "javis.yaml", {"JAVIS_HOME": str(folder / "data")}, load_manifests())
    async with open_house(settings, load_bindings(folder / "bindings.yaml"), load_manifests(), clock) as house:
        yield house


async def live(
    folder: Path,
    platform: MemoryPlatform,
    trap: Trap,
    patch: pytest.MonkeyPatch,
    settings_text: str = SETTINGS,
) -> list[Any]:
    """One life of a bot in `folder`: until the trap kills it, or until nothing waits. Its unfinished and failed rows
    then; after a death none."""
    clock = ManualClock()
    with patch.context() as patched:
        set_trap(trap, patched, clock)
        async with house_in(folder, clock, settings_text) as house:

            @asynccontextmanager
            async def opened() -> AsyncIterator[Channel]:
                yield (StreamingChannel if platform.streams else MemoryChannel)(platform, trap, clock)

            host = host_of(house, opened)
            before = asyncio.all_tasks()
            hosting = asyncio.create_task(host.run(), name="host")
            try:
                while not trap.dead.is_set():
                    if hosting.done() and not trap.dead.is_set():
                        await hosting  # the bot has ended by itself: that is a fault, told here
                    await clock.advance(0.5)
                    await house.delivery.worker.tick("telegram", "default")
                    # In the order in which a message travels, or one between two looks would go unseen.
                    waits = len(platform.waiting)
                    (inbox,) = await house.stores.storage.read("inbox.waiting_count", {})
                    rows = [*await house.stores.storage.read("outbox.counts", {})]
                    waits += sum(row["items"] for row in rows if row["state"] in {"queued", "attempting"})
                    if not (waits or inbox["waiting"]):
                        return rows
            except sqlite3.OperationalError:
                pass
            finally:
                under_way = asyncio.all_tasks() - before | {hosting}
                for task in under_way:
                    task.cancel()
                await asyncio.gather(*under_way, return_exceptions=True)
    return []


def set_trap(trap: Trap, patch: pytest.MonkeyPatch, clock: Clock) -> None:
    """Let the trap watch every group of commits, every turn and every command. Who is heard speaks slowly."""
    commit_group = sqlite._commit_group
    answer, run = EchoAgent.answer, Commands.run

    def watched(
        writer: sqlite3.Connection, queries: Mapping[str, str], group: Sequence[Sequence[Statement]]
    ) -> Sequence[Any]:
        trap.at_commit("before")
        outcomes = commit_group(writer, queries, group)
        trap.at_commit("after")
        return outcomes

    async def answered(agent: EchoAgent, turn: Turn) -> Answer:
        await trap.at_turn()
        if turn.on_delta is not None:
            for letter in turn.text:
                turn.on_delta(letter)
                await clock.sleep(LETTER_SECONDS)
        return await answer(agent, turn)

    async def ran(commands: Commands, name: str, call: Call) -> Reply:
        await trap.at_turn()
        return await run(commands, name, call)

    patch.setattr(sqlite, "_commit_group", watched)
    patch.setattr(EchoAgent, "answer", answered)
    patch.setattr(Commands, "run", ran)
