"""Memory on disk: notes, and all that was said, found again by its words.

What is said goes into memory behind the conversation's back, in the order of the transcript, and at the latest
before somebody searches. A row that is read twice is kept once.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bot.memory.memory import Memory, Search, choose, score, searches_for, weigh
from bot.memory.words import index_words
from bot.storage.errors import GuardFailed
from bot.storage.port import Row, SqlValue, Statement, Storage
from channels.clock import Clock, from_unix_ms, unix_ms

log = logging.getLogger(__name__)

MOST_READ: Final = 100
"""Messages taken in by one transaction: nobody else's commit waits long behind it."""
MOST_BEFORE_RECALL: Final = 20
"""Transactions for which a search waits; with a longer backlog it finds what is in memory already."""
MOST_TEXT: Final = 4000
"""Characters of one memory."""
_MOST_FOUND: Final = 60
_MOST_WEIGHED: Final = 200
_OVERLAP: Final = 100
"""Messages that are looked at again: of several writers one may commit a smaller id later."""


class MemoryStore:
    """Reads and statements of memory. `key` is always a session key: nobody recalls what was said elsewhere."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def note(self, key: str, text: str, speaker: str | None) -> list[Statement]:
        """Remember `text` for good; `speaker` is who wanted it remembered."""
        return self._add(key, "note", text, speaker, None, unix_ms(self._clock.now()))

    def forget(self, key: str) -> Statement:
        """Forget everything under a key."""
        return Statement("memories.forget", {"key": key})

    def forget_note(self, key: str, number: int) -> Statement:
        """Forget one note; no effect where it is none of this key's."""
        return Statement("memories.forget_note", {"key": key, "id": number})

    async def has_note(self, key: str, number: int) -> bool:
        return bool(await self._storage.read("memories.note", {"key": key, "id": number}))

    async def recall(self, key: str, query: str, most: int) -> list[Memory]:
        """What fits `query` best, at most `most`; empty where nothing does. Raises StorageError."""
        await self.catch_up(MOST_BEFORE_RECALL)
        searches = searches_for(query)
        scopes = await self._storage.read("memories.scopes", {"key": key})
        if not searches or not scopes:
            return []
        found = await self._search(searches, [row["id"] for row in scopes])
        weights = weigh(searches, found, _MOST_FOUND)
        ids = choose(searches, found, weights)[:_MOST_WEIGHED]
        rows = await self._storage.read("memories.fetch", {"ids": json.dumps(ids)})
        now = self._clock.now()
        memories = [(memory := _memory(row), score(memory, weights, now)) for row in rows]
        memories.sort(key=lambda each: (each[1], each[0].id), reverse=True)
        return [replace(memory, score=points) for memory, points in memories[:most]]

    async def catch_up(self, most: int | None = None) -> None:
        """Take in what was said since the last time, in at most so many transactions. Raises StorageError."""
        overlap, done = _OVERLAP, 0
        while (most is None or done < most) and await self._read_on(overlap):
            overlap, done = 0, done + 1

    async def _search(self, searches: Sequence[Search], scopes: Sequence[int]) -> list[list[int]]:
        values: dict[str, SqlValue] = {
            "searches": json.dumps(searches, ensure_ascii=False),
            "scopes": " ".join(f"s{scope}" for scope in scopes),
            "most": _MOST_FOUND,
        }
        rows = await self._storage.read("memories.search", values)
        by_search = {int(row["search"]): sorted(json.loads(row["ids"]), reverse=True) for row in rows}
        return [by_search[number] for number in range(len(searches))]

    async def _read_on(self, overlap: int) -> bool:
        """Take in the next messages; True when there may be more."""
        mark = int((await self._storage.read("memories.mark", {}))[0]["message_id"])
        after = max(0, mark - overlap)
        rows = await self._storage.read("memories.unread", {"after": after, "most": MOST_READ + overlap})
        if not rows or rows[-1]["id"] <= mark:
            return False
        moved: dict[str, SqlValue] = {"message_id": rows[-1]["id"], "before": mark}
        statements = [statement for row in rows for statement in self._said(row)]
        try:
            await self._storage.commit([*statements, Statement("memories.move_mark", moved, required=True)])
        except GuardFailed:
            log.debug("Another process took the messages in")
        return len(rows) == MOST_READ + overlap

    def _said(self, row: Row) -> list[Statement]:
        if row["role"] not in {"user", "assistant"} or not row["content"].strip():
            return []
        sender = json.loads(row["metadata"]).get("sender") if row["role"] == "user" else None
        speaker = None if row["role"] == "assistant" else str(sender or "")
        return self._add(row["key"], "said", row["content"], speaker, row["id"], row["created_ms"])

    def _add(
        self, key: str, kind: str, text: str, speaker: str | None, message_id: int | None, created_ms: int
    ) -> list[Statement]:
        kept = text[:MOST_TEXT]
        values: dict[str, SqlValue] = {
            "key": key,
            "kind": kind,
            "speaker": speaker,
            "text": kept,
            "words": index_words(kept),
            "message_id": message_id,
            "created_ms": created_ms,
        }
        return [Statement("memories.open_scope", {"key": key}), Statement("memories.add", values)]


def _memory(row: Row) -> Memory:
    return Memory(row["id"], row["kind"], row["speaker"], row["text"], from_unix_ms(row["created_ms"]))
