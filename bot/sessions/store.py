"""Transcripts on disk, by session key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal
from weakref import WeakSet

from bot.sessions.transcript import Conversation, Record
from bot.storage.patience import commit_patiently
from bot.storage.port import Row, SqlValue, Statement, Storage
from channels.clock import Clock, from_unix_ms, unix_ms
from channels.json_text import compact_json
from routing.session_key import chat_part, parse_session_key

SHORT_CHARACTERS = 200
MOST_MADE = 64  # histories that are kept ready to be read again

SessionState = Literal["open", "closed", "archiving", "archived"]
"""`open`: what is said goes there. `closed`: a fresh one took its place, or nobody spoke for long. `archived`: its
messages are in a file (`archiving`: on their way there)."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session. `messages` counts its records; `archive` names its file, None while there is none."""

    id: int
    key: str
    agent: str
    state: SessionState
    created: datetime
    last_active: datetime
    messages: int
    archive: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of a session in order; each with its number in the database."""

    records: Sequence[tuple[int, Record]]

    @property
    def last(self) -> int:
        """Where the next page begins."""
        return self.records[-1][0]


@dataclass(frozen=True, slots=True)
class Tail:
    """What was said in a session after its summary, each record with its number."""

    session_id: int
    summary: str | None
    summary_upto: int
    records: Sequence[tuple[int, Record]]


class SessionStore:
    """Reads and statements of sessions. A key has at most one open session."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._made: dict[tuple[str, int], tuple[Sequence[Row], Sequence[Record]]] = {}
        self._under_way: WeakSet[Conversation] = WeakSet()

    def current(self, key: str) -> Conversation:
        """Where what is said now belongs. To be held until it is written down."""
        conversation = Conversation(key)
        self._under_way.add(conversation)
        return conversation

    def append(self, conversation: Conversation, agent: str, records: Sequence[Record]) -> list[Statement]:
        """Add `records` where they belong: to the open session, which is opened if there is none, or to one that has
        ended since they were said. What is on its way to a file gets a closed session of its own; of what was deleted
        since, nothing is kept.
        """
        now_ms, place = unix_ms(self._clock.now()), _place(conversation)
        touch: dict[str, SqlValue] = {**place, "agent": agent, "now_ms": now_ms, "added": len(records)}
        values = [{**place, **record_values(record)} for record in records]
        if conversation.session_id is None:
            return [
                Statement("sessions.touch", touch),
                *(Statement("sessions.append", each, required=True) for each in values),
            ]
        return [
            Statement("sessions.touch_that", touch),
            Statement("sessions.open_late", touch),
            *(Statement("sessions.append_there", each) for each in values),
        ]

    async def end(self, key: str) -> Statement:
        """`close`, for a conversation in which something may be under way: that stays where it was said."""
        here = [each for each in self._under_way if each.key == key and each.session_id is None]
        if here:
            opening: dict[str, SqlValue] = {"key": key, "agent": parse_session_key(key).agent}
            opened = Statement("sessions.open", {**opening, "now_ms": unix_ms(self._clock.now())})
            ((row,),) = await commit_patiently(self._storage, self._clock, [opened])
            for each in here:
                each.session_id = each.session_id or row["id"]
        return self.close(key)

    def close(self, key: str) -> Statement:
        """End the open session, if any; the next message starts with an empty history."""
        return Statement("sessions.close", {"key": key, "now_ms": unix_ms(self._clock.now())})

    def reopen(self, session: Session) -> list[Statement]:
        """Go on with a closed session, in the place of the open one; fails when it is not whole."""
        values: dict[str, SqlValue] = {"session_id": session.id, "now_ms": unix_ms(self._clock.now())}
        return [self.close(session.key), Statement("sessions.reopen", values, required=True)]

    def chat_moved(self, channel: str, chat: str, new_chat: str) -> list[Statement]:
        """The sessions of a group, its topics included, follow it to its new id with all that was said in them."""
        parts: dict[str, SqlValue] = {"old_part": chat_part(channel, chat), "new_part": chat_part(channel, new_chat)}
        names = ("sessions.merge_moved", "sessions.drop_merged", "sessions.move", "memories.move", "choices.move")
        return [Statement(name, parts) for name in names]

    def delete(self, key: str) -> Statement:
        """Forget every session of `key`, with all that was said; fails when there is none.

        Returns the names of the files that hold archived ones.
        """
        return Statement("sessions.delete", {"key": key}, required=True)

    async def newest(self, most: int, *, closed: bool = False) -> list[Session]:
        """The open sessions, those spoken in last first; or those that are not open, the newest first."""
        name = "sessions.list_closed" if closed else "sessions.list"
        return [session_from(row) for row in await self._storage.read(name, {"most": most})]

    async def of_key(self, key: str, most: int = 100) -> list[Session]:
        """Every session that the key has had, the newest first."""
        return [session_from(row) for row in await self._storage.read("sessions.of_key", {"key": key, "most": most})]

    async def get(self, session_id: int) -> Session | None:
        rows = await self._storage.read("sessions.get", {"session_id": session_id})
        return session_from(rows[0]) if rows else None

    async def history(self, key: str, most: int) -> Sequence[Record]:
        """The last `most` records of the open session, oldest first; costs the same at any length."""
        rows = await self._storage.read("sessions.history", {"key": key, "most": most})
        made_of, records = self._made.get((key, most), (None, ()))
        if made_of is not rows:  # the same rows come again as long as nobody has written
            records = tuple(_record(row) for row in reversed(rows))
            if len(self._made) >= MOST_MADE:
                self._made.clear()
            self._made[key, most] = rows, records
        return records

    async def recall(self, conversation: Conversation, most: int) -> list[Record]:
        """The last `most` records of a conversation for an agent, oldest first. The answer belongs to what was read.

        Where older ones were told in short, that summary stands before them, and none of those is among the records.
        """
        rows = await self._storage.read("sessions.recall", {**_place(conversation), "most": most})
        if rows and conversation.session_id is None:
            conversation.session_id = rows[0]["session_id"]
        return [_record(row) for row in reversed(rows)]

    async def tail(self, key: str, most: int) -> Tail | None:
        """The last `most` records of the open session that no summary tells of; None when there are none."""
        rows = list(reversed(await self._storage.read("sessions.tail", {"key": key, "most": most})))
        if not rows:
            return None
        first = rows[0]
        records = [(row["id"], _record(row)) for row in rows]
        return Tail(first["session_id"], first["summary"], first["summary_upto"], records)

    def summarise(self, tail: Tail, upto: int, summary: str) -> Statement:
        """Agents read `summary` in the place of all records up to number `upto`; the records stay.

        Fails when somebody was faster.
        """
        values: dict[str, SqlValue] = {"session_id": tail.session_id, "before": tail.summary_upto, "upto": upto}
        return Statement("sessions.summarise", {**values, "summary": summary}, required=True)

    async def last(self, session_id: int, most: int) -> list[Record]:
        """The last `most` records of any session that is in the database, oldest first."""
        rows = await self._storage.read("sessions.last", {"session_id": session_id, "most": most})
        return [_record(row) for row in reversed(rows)]

    async def page(self, session_id: int, after: int, most: int) -> Page | None:
        """The first `most` records with a number above `after`; None behind the last."""
        values: dict[str, SqlValue] = {"session_id": session_id, "after": after, "most": most}
        rows = await self._storage.read("sessions.page", values)
        return Page([(row["id"], _record(row)) for row in rows]) if rows else None


def session_from(row: Row) -> Session:
    state: SessionState = "open" if row["closed_ms"] is None else "closed" if row["stage"] == "whole" else row["stage"]
    created, last_active = from_unix_ms(row["created_ms"]), from_unix_ms(row["last_active_ms"])
    return Session(row["id"], row["key"], row["agent"], state, created, last_active, row["messages"], row["archive"])


def record_values(record: Record) -> dict[str, SqlValue]:
    """The columns of a record."""
    return {
        "role": record.role,
        "content": record.content,
        "metadata": compact_json(dict(record.metadata)) if record.metadata else "{}",
        "created_ms": unix_ms(record.timestamp),
    }


def _place(conversation: Conversation) -> dict[str, SqlValue]:
    return {"key": conversation.key, "session_id": conversation.session_id}


@lru_cache(maxsize=1024)
def _short_metadata(text: str) -> Mapping[str, Any]:
    """Read-only, since it is shared: most records hold one of a few."""
    return MappingProxyType(json.loads(text))


def _record(row: Row) -> Record:
    timestamp: datetime = from_unix_ms(row["created_ms"])
    text: str = row["metadata"]
    metadata = _short_metadata(text) if len(text) <= SHORT_CHARACTERS else json.loads(text)
    return Record(row["role"], row["content"], timestamp, metadata)
