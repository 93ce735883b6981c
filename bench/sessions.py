"""What a long conversation costs, and what the road of a message adds to its turn."""

import asyncio
import sqlite3
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bot.delivery.item import Source, make_items
from bot.delivery.store import OutboxStore
from bot.inbox import InboxStore, StoredUpdate
from bot.reasons import Reason
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.port import Storage
from bot.storage.sqlite import open_sqlite
from bot.trace.road import Road
from bot.trace.store import TraceStore
from channels.clock import SystemClock
from channels.message import Destination, InboundMessage
from channels.port import RawUpdate
from routing.address import Address, Peer

LONG, SHORT = 1_000_000, 100
READS = 300
CALLERS = 64
TURNS = 3200
ROUNDS = 5


async def measure_history() -> None:
    """The last 50 of a very long conversation beside the last 50 of a short one, as an agent reads them."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "javis.db") as storage:
            sessions = SessionStore(storage, clock)
            for key, count in (("agent:main:main", LONG), ("agent:main:direct:1", SHORT)):
                await storage.commit(sessions.append(Conversation(key), "main", [Record("user", "hello", clock.now())]))
                _fill(Path(folder) / "javis.db", key, count - 1)
            pairs = [
                [await _read(storage, sessions, key) for key in ("agent:main:main", "agent:main:direct:1")]
                for _ in range(READS)
            ]
    long, short = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    print(f"last 50 of {LONG:,}      {long:8.0f} µs      {long / short:5.2f} x last 50 of {SHORT}: {short:.0f} µs")


def _fill(path: Path, key: str, count: int) -> None:
    database = sqlite3.connect(path)
    ((session_id,),) = database.execute("SELECT id FROM sessions WHERE key = ?", (key,)).fetchall()
    rows = ((session_id, f"message number {number} of a long conversation", number) for number in range(count))
    with database:
        database.executemany(
            "INSERT INTO messages (session_id, role, content, created_ms) VALUES (?, 'user', ?, ?)", rows
        )
    database.close()


async def _read(storage: Storage, sessions: SessionStore, key: str) -> float:
    other = Conversation("agent:main:other")
    await storage.commit(sessions.append(other, "main", ()))  # or the answer would be the one kept
    begin = time.perf_counter()
    records = await sessions.recall(Conversation(key), 50)
    seconds = time.perf_counter() - begin
    if len(records) != 50:
        raise AssertionError("a record is missing")
    return seconds


async def measure_trace() -> None:
    """Whole turns (stored, begun, ended with transcript, outbox and inbox) with their roads and without."""
    pairs = [(await _turns(timedelta(days=14)), await _turns(None)) for _ in range(ROUNDS)]
    ratio = statistics.median(on / off for on, off in pairs)
    on, off = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"turns a second, traced      {on:8.0f}       {ratio:5.2f} x without roads {off:.0f}")


async def _turns(keep: timedelta | None) -> float:
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "javis.db") as storage:
            begin = time.perf_counter()
            await asyncio.gather(*(_caller(storage, number, keep) for number in range(CALLERS)))
            return TURNS / (time.perf_counter() - begin)


async def _caller(storage: Storage, number: int, keep: timedelta | None) -> None:
    clock = SystemClock()
    inbox, traces = InboxStore(storage, clock), TraceStore(storage, clock, keep)
    chat = str(number)
    key = f"agent:main:telegram:direct:{chat}"
    for turn in range(TURNS // CALLERS):
        update_id = f"{number}-{turn}"
        raw = '{"update_id": 1, "message": {"text": "a question of some length"}}'
        (update,) = await inbox.store("telegram", "default", [RawUpdate(update_id, raw)])
        await storage.commit([inbox.begin(update)])
        road = _road(clock, update, chat, key)
        records = [Record("user", "question", clock.now()), Record("assistant", "answer", clock.now())]
        items = make_items(
            destination=road.message.origin,
            kind="answer",
            source=Source("inbox", update.source_id),
            language="en",
            payloads=[{"text": "answer"}],
            now=clock.now(),
        )
        await storage.commit(
            [
                *SessionStore(storage, clock).append(Conversation(key), "main", records),
                *OutboxStore(storage, clock).enqueue(items),
                inbox.finish(update, "done"),
                *traces.record(road, "done", None),
            ]
        )


def _road(clock: SystemClock, update: StoredUpdate, chat: str, key: str) -> Road:
    now = clock.now()
    message = InboundMessage(
        Address("telegram", "default", Peer("direct", chat), sender=chat),
        Destination("telegram", "default", chat),
        update.update_id,
        "question",
        "Ann",
        now,
    )
    road = Road(update.id, update.update_id, message, now, key, "main")
    road.note("gate", Reason.ADMITTED, now)
    road.note("binding", Reason.BOUND, now, agent="main", tier="channel", binding="main for channel telegram (line 4)")
    road.note("session", Reason.IN_SESSION, now, session_key=key)
    road.note("turn", Reason.TURN_BEGUN, now, attempt=1)
    road.note("model", Reason.MODEL_ANSWERED, now, provider="moonshot", key="#1", model="kimi", outcome="ok", seconds=1)
    road.note("turn", Reason.ANSWERED, now)
    return road
