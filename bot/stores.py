"""Every store that stands on one database."""

from dataclasses import dataclass

from bot.chats import ChatStore
from bot.delivery.store import OutboxStore
from bot.heartbeat.store import HeartbeatStore
from bot.inbox import InboxStore
from bot.jobs.store import JobStore
from bot.memory.store import MemoryStore
from bot.pairing import PairingStore
from bot.sessions.archive import Archive
from bot.sessions.store import SessionStore
from bot.settings.model import Settings
from bot.storage.port import Storage
from bot.tasks.keys import TaskKeys
from bot.tasks.reports import TaskReports
from bot.tasks.store import TaskStore
from bot.trace.store import TraceStore
from channels.clock import Clock


@dataclass(frozen=True, slots=True)
class Stores:
    """Reads and statements, by what they are about."""

    storage: Storage
    clock: Clock
    inbox: InboxStore
    outbox: OutboxStore
    sessions: SessionStore
    archive: Archive
    tasks: TaskStore
    task_keys: TaskKeys
    reports: TaskReports
    jobs: JobStore
    heartbeats: HeartbeatStore
    chats: ChatStore
    pairings: PairingStore
    traces: TraceStore
    memory: MemoryStore


def stores_on(storage: Storage, clock: Clock, settings: Settings) -> Stores:
    """All of them, each with what the settings say about it."""
    sessions = SessionStore(storage, clock)
    return Stores(
        storage=storage,
        clock=clock,
        inbox=InboxStore(storage, clock),
        outbox=OutboxStore(storage, clock),
        sessions=sessions,
        archive=Archive(storage, sessions, clock, settings.archive, settings.sessions.idle),
        tasks=TaskStore(storage, clock),
        task_keys=TaskKeys(storage, clock),
        reports=TaskReports(storage, clock),
        jobs=JobStore(storage, clock),
        heartbeats=HeartbeatStore(storage, clock),
        chats=ChatStore(storage, clock),
        pairings=PairingStore(storage, clock),
        traces=TraceStore(storage, clock, settings.trace.keep),
        memory=MemoryStore(storage, clock),
    )
