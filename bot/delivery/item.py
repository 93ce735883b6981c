"""One row of the outbox: a rendered part on its way to a chat."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from bot.storage.port import Row
from channels.clock import from_unix_ms
from channels.message import Destination, JsonObject

Kind = Literal["answer", "notice", "heartbeat"]
State = Literal["queued", "attempting", "sent", "failed", "unknown"]
ChatKey = tuple[str, str, str]
"""Channel, account, chat: rows with one key leave in order."""

LIFETIME: dict[Kind, timedelta] = {
    "answer": timedelta(hours=24),
    "notice": timedelta(days=7),
    "heartbeat": timedelta(hours=1),
}


@dataclass(frozen=True, slots=True)
class Source:
    """What a row came from: an inbox row, an attempt of a task, a heartbeat, a run of a job, something that the house
    itself has to say, a row of another program's queue, an agent's tool. Unique with the part's number."""

    kind: Literal["inbox", "task", "heartbeat", "house", "import", "cron", "tool"]
    id: str


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One part. `language` is that of the duplicate label; `attempts` those that count; times are aware.

    `duplicate`: an earlier attempt, begun at `attempted`, may have arrived; `attempted` None there means that a
    person has decided to send it all the same.
    """

    id: str
    destination: Destination
    kind: Kind
    source: Source
    part: int
    language: str
    payload: JsonObject
    created: datetime
    expires: datetime
    due: datetime
    state: State = "queued"
    attempts: int = 0
    duplicate: bool = False
    reason: str | None = None
    receipt: str | None = None
    attempted: datetime | None = None

    @property
    def chat_key(self) -> ChatKey:
        return self.destination.channel, self.destination.account, self.destination.chat


def make_items(
    *,
    destination: Destination,
    kind: Kind,
    source: Source,
    language: str,
    payloads: Sequence[JsonObject],
    now: datetime,
) -> list[OutboxItem]:
    """The rows for one message, a row a rendered part. The same source gives the same ids, so no row is made twice."""
    return [
        OutboxItem(
            id=item_id(source, part),
            destination=destination,
            kind=kind,
            source=source,
            part=part,
            language=language,
            payload=payload,
            created=now,
            due=now,
            expires=now + LIFETIME[kind],
        )
        for part, payload in enumerate(payloads)
    ]


def item_id(source: Source, part: int) -> str:
    """24 hex digits, the same whenever the same part of the same source is made again."""
    return hashlib.sha256(f"{source.kind}:{source.id}:{part}".encode()).hexdigest()[:24]


def item_from_row(row: Row) -> OutboxItem:
    return OutboxItem(
        id=row["id"],
        destination=Destination(row["channel"], row["account"], row["chat"], row["thread"]),
        kind=row["kind"],
        source=Source(row["source_kind"], row["source_id"]),
        part=row["part"],
        language=row["language"],
        payload=json.loads(row["payload"]),
        created=from_unix_ms(row["created_ms"]),
        expires=from_unix_ms(row["expires_ms"]),
        due=from_unix_ms(row["due_ms"]),
        state=row["state"],
        attempts=row["attempts"],
        duplicate=bool(row["duplicate"]),
        reason=row["reason"],
        receipt=row["receipt"],
        attempted=None if row["attempted_ms"] is None else from_unix_ms(row["attempted_ms"]),
    )


def claimed_item(item: OutboxItem, row: Row) -> OutboxItem:
    """`item` as its claim left it."""
    attempted = row["attempted_ms"]
    return replace(
        item,
        state="attempting",
        attempts=row["attempts"],
        duplicate=bool(row["duplicate"]),
        attempted=None if attempted is None else from_unix_ms(attempted),
    )


def item_json(item: OutboxItem) -> dict[str, Any]:
    """For lists and machines."""
    return {
        "id": item.id,
        "channel": item.destination.channel,
        "account": item.destination.account,
        "chat": item.destination.chat,
        "thread": item.destination.thread,
        "kind": item.kind,
        "source": f"{item.source.kind}:{item.source.id}",
        "part": item.part,
        "state": item.state,
        "reason": item.reason,
        "attempts": item.attempts,
        "possible_duplicate": item.duplicate,
        "created_at": item.created.isoformat(),
        "due_at": item.due.isoformat(),
        "expires_at": item.expires.isoformat(),
        "receipt": item.receipt,
        "payload": dict(item.payload),
    }
