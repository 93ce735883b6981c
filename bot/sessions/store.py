"""Transcripts on disk, by session key."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.sessions.transcript import Record
from bot.storage.port import Row, SqlValue, Statement, Storage
from channels.clock import Clock, from_unix_ms, unix_ms
from routing.session_key import chat_part


@dataclass(frozen=True, slots=True)
class Session:
    """An open session; `messages` counts its records."""

    key: str
    agent: str
    created: datetime
    last_active: datetime
    messages: int


class SessionStore:
    """Reads and statements of sessions. A key has at most one open session."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def append(self, key: str, agent: str, records: Sequence[Record]) -> list[Statement]:
        """Add `records` to the open session of `key`, which is opened if there is none."""
        touch: dict[str, SqlValue] = {"key": key, "agent": agent, "now_ms": unix_ms(self._clock.now())}
        return [Statement("sessions.touch", touch), *(_append(key, record) for record in records)]

    def close(self, key: str) -> Statement:
        """End the open session, if any; the next message starts with an empty history."""
        return Statement("sessions.close", {"key": key, "now_ms": unix_ms(self._clock.now())})

    def chat_moved(self, channel: str, chat: str, new_chat: str) -> list[Statement]:
        """The sessions of a group, its topics included, follow it to its new id with all that was said in them."""
        parts: dict[str, SqlValue] = {"old_part": chat_part(channel, chat), "new_part": chat_part(channel, new_chat)}
        return [Statement(name, parts) for name in ("sessions.merge_moved", "sessions.drop_merged", "sessions.move")]

    def delete(self, key: str) -> Statement:
        """Forget every session of `key`, with all that was said; fails when there is none."""
        return Statement("sessions.delete", {"key": key}, required=True)

    async def newest(self, most: int) -> list[Session]:
        """The open sessions, those spoken in last first."""
        return [_session(row) for row in await self._storage.read("sessions.list", {"most": most})]

    async def history(self, key: str, most: int) -> list[Record]:
        """The last `most` records of the open session, oldest first; costs the same at any length."""
        rows = await self._storage.read("sessions.history", {"key": key, "most": most})
        return [_record(row) for row in reversed(rows)]


def _append(key: str, record: Record) -> Statement:
    metadata = json.dumps(dict(record.metadata), ensure_ascii=False) if record.metadata else "{}"
    return Statement(
        "sessions.append",
        {
            "key": key,
            "role": record.role,
            "content": record.content,
            "metadata": metadata,
            "created_ms": unix_ms(record.timestamp),
        },
        required=True,
    )


def _session(row: Row) -> Session:
    created, last_active = from_unix_ms(row["created_ms"]), from_unix_ms(row["last_active_ms"])
    return Session(row["key"], row["agent"], created, last_active, row["messages"])


def _record(row: Row) -> Record:
    timestamp: datetime = from_unix_ms(row["created_ms"])
    return Record(row["role"], row["content"], timestamp, json.loads(row["metadata"]))
