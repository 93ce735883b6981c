"""The outbox with its own worker and a channel that takes everything at once, beside a folder of files."""

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.delivery.item import OutboxItem, Source, make_items
from bot.delivery.sender import Effects, Sender
from bot.delivery.store import OutboxStore
from bot.delivery.worker import DeliveryWorker
from bot.storage.port import Storage
from bot.storage.sqlite import open_sqlite
from channels.clock import SystemClock
from channels.errors import NotSent
from channels.message import Delivery, Destination, Receipt

CALLERS = 64
ROWS = 16_000
PENDING = 100_000
FIRST = 1000
FOREVER_SECONDS = 600.0


class InstantChannel:
    """Takes every part at once. `moments` (monotonic) tells when; `reached` is set at the `wanted`th."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.moments: list[float] = []
        self.reached = asyncio.Event()

    async def wait_turn(self, destination: Destination) -> None: ...

    async def send(self, delivery: Delivery) -> Receipt:
        self.moments.append(time.monotonic())
        if len(self.moments) == self._wanted:
            self.reached.set()
        return Receipt(delivery.id)

    async def settle(self, delivery: Delivery, since: datetime) -> Receipt:
        raise NotSent(f"{delivery.id} is not here, nor was it since {since}")


@dataclass(frozen=True, slots=True)
class Post:
    """An open outbox."""

    storage: Storage
    store: OutboxStore
    worker: DeliveryWorker

    async def tick(self) -> None:
        await self.worker.tick("telegram", "default")


@asynccontextmanager
async def open_post(folder: str, after_sent: Callable[[OutboxItem], None]) -> AsyncIterator[Post]:
    async def nothing() -> None: ...

    clock = SystemClock()
    async with open_sqlite(Path(folder) / "javis.db") as storage:
        store = OutboxStore(storage, clock)
        effects = Effects(
            sent=lambda _item: (),
            moved=lambda _chat, _new: (),
            closed=lambda _chat, _reason: (),
            after_sent=after_sent,
            after_change=nothing,
        )
        sender = Sender(storage, store, clock, labels=lambda language: language, resent=frozenset(), effects=effects)
        yield Post(storage, store, DeliveryWorker(storage, store, clock, sender))


async def measure_outbox() -> None:
    """Rows through enqueue → attempting → sent → closed, each step on disk, CALLERS chats at once; against one file a
    message, written, synced and removed one after another."""
    with tempfile.TemporaryDirectory() as folder:
        ours = await rows_a_second(folder)
        files = _file_per_message(Path(folder), ROWS // 8)
    print(f"outbox rows a second        {ours:8.0f}       {ours / files:5.2f} x a file per message {files:.0f}")


async def rows_a_second(folder: str) -> float:
    closed, left = asyncio.Event(), ROWS // CALLERS * CALLERS

    def count(_item: OutboxItem) -> None:
        nonlocal left
        left -= 1
        if not left:
            closed.set()

    async with open_post(folder, count) as post, post.worker.outlet("telegram", "default", InstantChannel(ROWS)):
        begin = time.monotonic()
        await asyncio.gather(*(_speak(post, chat) for chat in range(CALLERS)))
        await closed.wait()
        return ROWS / (time.monotonic() - begin)


async def _speak(post: Post, chat: int) -> None:
    for number in range(ROWS // CALLERS):
        items = _items(chat, number)
        await post.storage.commit(post.store.enqueue(items))
        post.worker.wake(items)


async def measure_recovery() -> None:
    """A start with PENDING rows that wait: until the first of them is sent, and until FIRST are."""
    for chats in (100, PENDING):
        with tempfile.TemporaryDirectory() as folder:
            async with open_post(folder, lambda _item: None) as post:
                for start in range(0, PENDING, 1000):
                    items = [item for number in range(start, start + 1000) for item in _items(number % chats, number)]
                    await post.storage.commit(post.store.enqueue(items))
            async with open_post(folder, lambda _item: None) as post:
                begin = time.monotonic()
                moments = await _first_sent(post)
        first, flowing = moments[0] - begin, moments[FIRST - 1] - begin
        print(
            f"{PENDING} wait in {chats} chats   {flowing:.2f} s until {FIRST} are sent, the first after {first:.2f} s"
        )


async def _first_sent(post: Post) -> list[float]:
    """When (monotonic) the first rows were sent."""
    channel = InstantChannel(FIRST)
    async with post.worker.outlet("telegram", "default", channel), asyncio.timeout(FOREVER_SECONDS):
        ticking = asyncio.create_task(_tick(post.tick))
        await channel.reached.wait()
        ticking.cancel()
        return channel.moments


async def _tick(tick: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(1)
        await tick()


def _items(chat: int, number: int) -> list[OutboxItem]:
    return make_items(
        destination=Destination("telegram", "default", str(chat)),
        kind="answer",
        source=Source("inbox", f"{chat}:{number}"),
        language="en",
        payloads=[{"text": "hello"}],
        now=SystemClock().now(),
    )


def _file_per_message(folder: Path, messages: int) -> float:
    begin = time.monotonic()
    for number in range(messages):
        path = folder / f"{number}.json"
        with path.open("w", encoding="utf-8") as file:
            file.write('{"text": "hello"}')
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
    return messages / (time.monotonic() - begin)
