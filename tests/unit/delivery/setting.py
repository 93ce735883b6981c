"""A delivery worker over a real database, with a channel that fails on order."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from bot.chats import ChatStore
from bot.delivery.item import Kind, OutboxItem, Source, make_items
from bot.delivery.sender import Effects, Sender
from bot.delivery.store import OutboxStore
from bot.delivery.worker import DeliveryWorker
from bot.jobs.store import JobStore
from bot.pipeline.chat_changes import ChatChanges
from bot.pipeline.gate import Gate
from bot.sessions.store import SessionStore
from bot.storage.port import Storage
from bot.tasks.store import TaskStore
from channels.capabilities import Capabilities
from channels.clock import ManualClock
from channels.errors import OutcomeUnknown
from channels.message import Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import CommandCard, Inbox
from tests.patience import PATIENCE_SECONDS


class ScriptedChannel:
    """Takes everything, but for what `failures` holds for a text: one failure an attempt."""

    capabilities = Capabilities(None, "characters", "none")
    identity = "scripted"
    notes: Sequence[str] = ()
    expected_by: float | None = None

    def __init__(self) -> None:
        self.turn = asyncio.Event()
        self.turn.set()
        self.waiting = 0
        self.failures: dict[str, list[Exception]] = {}
        self.attempts: list[str] = []
        self.arrived: list[tuple[str, str, str | None]] = []
        self.before_answer: Callable[[], None] = lambda: None
        self.asked: list[tuple[str, datetime]] = []
        self.settles: Receipt | Exception = OutcomeUnknown("nobody knows")

    async def wait_turn(self, destination: Destination) -> None:
        self.waiting += 1
        await self.turn.wait()

    async def send(self, delivery: Delivery) -> Receipt:
        text = str(delivery.payload["text"])
        self.attempts.append(text)
        if self.failures.get(text):
            raise self.failures[text].pop(0)
        self.arrived.append((delivery.destination.chat, text, delivery.label))
        self.before_answer()
        return Receipt(str(len(self.arrived)))

    async def receive(self, inbox: Inbox) -> None: ...

    def parse(self, raw: JsonObject) -> InboundMessage | None:
        return None

    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return [{"text": message.text}]

    async def show_typing(self, destination: Destination) -> None: ...

    async def acknowledge_press(self, raw: JsonObject) -> None: ...

    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:
        self.asked.append((str(delivery.payload["text"]), since))
        if isinstance(self.settles, Exception):
            raise self.settles
        return self.settles

    async def publish_commands(self, commands: Sequence[CommandCard]) -> None: ...


class Post:
    """A worker with all that it needs."""

    def __init__(self, storage: Storage, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.storage = storage
        self.store = OutboxStore(storage, self.clock)
        self.channel = ScriptedChannel()
        self.told: list[str] = []
        self.worker = self.new_worker()

    def new_worker(self, resent: frozenset[Kind] = frozenset({"answer", "notice"})) -> DeliveryWorker:
        chats = ChatStore(self.storage, self.clock)
        sessions, tasks = SessionStore(self.storage, self.clock), TaskStore(self.storage, self.clock)
        changes = ChatChanges(chats, self.store, sessions, tasks, JobStore(self.storage, self.clock), Gate({}))
        sender = Sender(
            self.storage,
            self.store,
            self.clock,
            labels=lambda language: f"maybe twice ({language})",
            effects=Effects(
                sent=lambda _item: (),
                moved=changes.moved,
                closed=changes.closed,
                after_sent=lambda item: self.told.append(item.id),
                after_change=changes.refresh,
            ),
            resent=resent,
            jitter=lambda: 0.0,
        )
        return DeliveryWorker(self.storage, self.store, self.clock, sender)

    async def queue(self, *texts: str, chat: str = "1", kind: Kind = "answer") -> list[OutboxItem]:
        items = []
        for text in texts:
            items += make_items(
                destination=Destination("telegram", "default", chat),
                kind=kind,
                source=Source("inbox", f"{chat}:{text}"),
                language="en",
                payloads=[{"text": text}],
                now=self.clock.now(),
            )
        await self.storage.commit(self.store.enqueue(items))
        return items

    async def send(self, *texts: str, chat: str = "1", kind: Kind = "answer") -> None:
        self.worker.wake(await self.queue(*texts, chat=chat, kind=kind))
        await self.settle()

    async def settle(self) -> None:
        await self.worker.wait_idle(PATIENCE_SECONDS)

    async def wait(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.worker.tick("telegram", "default")
        await self.settle()

    async def states(self) -> dict[str, str]:
        return {str(item.payload["text"]): item.state for item in await self.store.newest(None, 99)}

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.channel.arrived]
