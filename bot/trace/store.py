"""Roads on disk: written with what ends a message, read together with its inbox row and its deliveries."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from bot.storage.port import Row, SqlValue, Statement, Storage
from bot.storage.pruning import MOST_AT_ONCE
from bot.trace.road import Road
from channels.clock import Clock, from_unix_ms, unix_ms
from channels.json_text import compact_json

MOST_ROADS: Final = 10  # one message id may stand in many chats
_DELIVERY_ID: Final = 24  # hex digits


@dataclass(frozen=True, slots=True)
class Passage:
    """One part on its way out, as the outbox has it. `message_id` None: the platform has not taken it."""

    id: str
    part: int
    state: str
    reason: str | None
    attempts: int
    message_id: str | None


@dataclass(frozen=True, slots=True)
class RoadTaken:
    """A message's whole road. `id` is `<channel>/<account>/<update id>`.

    `chat`, `message_id` and `steps` are empty for what is no message, and for one that is still on its way: then
    `state` is `stored`. `ended` None: not yet. Of what the bot said by itself `id` names the source and `state` its
    kind (`heartbeat`, `task` …).
    """

    id: str
    channel: str
    account: str
    chat: str
    message_id: str
    sender: str | None
    session_key: str | None
    agent: str | None
    state: str
    reason: str | None
    began: datetime
    ended: datetime | None
    steps: Sequence[dict[str, Any]]
    deliveries: Sequence[Passage]


class TraceStore:
    """Statements and reads of roads. `keep` None: nothing is written."""

    def __init__(self, storage: Storage, clock: Clock, keep: timedelta | None) -> None:
        self._storage = storage
        self._clock = clock
        self._keep = keep

    def record(self, road: Road, state: str, reason: str | None) -> Sequence[Statement]:
        """To stand in the transaction that ends the message, beside its inbox row."""
        if self._keep is None:
            return ()
        return (Statement("roads.record", {"id": road.id, "state": state, **self._values(road, reason)}),)

    def record_passing(self, road: Road, reason: str | None) -> Sequence[Statement]:
        """The same for what was never in the inbox, by itself."""
        if self._keep is None:
            return ()
        values = self._values(road, reason)
        row = {name: values[name] for name in ("channel", "account", "update_id", "reason", "began_ms", "ended_ms")}
        return (Statement("roads.pass_by", row), Statement("roads.record_passing", values))

    def _values(self, road: Road, reason: str | None) -> dict[str, SqlValue]:
        message = road.message
        return {
            "channel": message.origin.channel,
            "account": message.origin.account,
            "update_id": road.update_id,
            "chat": message.origin.chat,
            "message_id": message.message_id,
            "sender": message.address.sender,
            "session_key": road.session_key,
            "agent": road.agent,
            "reason": None if reason is None else str(reason),
            "steps": compact_json(road.steps),
            "began_ms": unix_ms(road.began),
            "ended_ms": unix_ms(self._clock.now()),
        }

    def prune(self) -> Statement:
        """Forget some of what has been kept long enough; answers it."""
        before = self._clock.now() - (self._keep or timedelta())
        return Statement("roads.prune", {"before_ms": unix_ms(before), "most": MOST_AT_ONCE})

    async def newest(self, most: int, state: str | None = None) -> list[RoadTaken]:
        """The roads that ended last, without their deliveries; `state` None: however they ended."""
        rows = await self._storage.read("roads.newest", {"most": most, "state": state})
        return [_road(row, ()) for row in rows]

    async def find(self, name: str) -> list[RoadTaken]:
        """The roads that a person may mean by `name`.

        It is `<channel>/<account>/<update id>`, the platform's id of a question or of an answer, a task's id, or the
        beginning of a delivery's.
        """
        channel, _, rest = name.partition("/")
        account, slash, update_id = rest.partition("/")
        if slash:
            return await self._of_update(channel, account, update_id)
        found = await self.of_message(name) or await self._of_task(name)
        if not found and 6 <= len(name) <= _DELIVERY_ID and all(digit in "0123456789abcdef" for digit in name):
            sources = await self._storage.read("roads.sources_of_delivery", {"prefix": name})
            found = await self._of_sources(sources) if len({row["source_id"] for row in sources}) == 1 else []
        return found

    async def of_message(self, message_id: str, channel: str | None = None, chat: str | None = None) -> list[RoadTaken]:
        """The roads of a question, or of what was answered with this message; None: wherever."""
        where: dict[str, SqlValue] = {"message_id": message_id, "channel": channel, "chat": chat, "most": MOST_ROADS}
        rows = await self._storage.read("roads.of_message", where)
        if rows:
            return [await self._with_deliveries(row) for row in rows]
        return await self._of_sources(await self._storage.read("roads.sources_of_receipt", where))

    async def last_of(self, channel: str, account: str, chat: str, sender: str) -> RoadTaken | None:
        """What this person said last in this chat, of what has ended."""
        where: dict[str, SqlValue] = {"channel": channel, "account": account, "chat": chat, "sender": sender}
        rows = await self._storage.read("roads.of_sender", where)
        return await self._with_deliveries(rows[0]) if rows else None

    async def _of_update(self, channel: str, account: str, update_id: str) -> list[RoadTaken]:
        where: dict[str, SqlValue] = {"channel": channel, "account": account, "update_id": update_id}
        stored = await self._storage.read("roads.of_inbox", where)
        rows = await self._storage.read("roads.of_update", where)  # after it: what has ended by then has its road
        if rows:
            return [await self._with_deliveries(row) for row in rows]
        source = f"{channel}:{account}:{update_id}"
        return [_stored(row, await self._deliveries("inbox", source)) for row in stored]

    async def _of_sources(self, sources: Sequence[Row]) -> list[RoadTaken]:
        found = []
        for row in sources:
            kind, source_id = row["source_kind"], row["source_id"]
            roads: list[RoadTaken] = []
            if kind == "inbox":
                channel, account, update_id = source_id.split(":", 2)
                roads = await self._of_update(channel, account, update_id)
            elif kind == "task":
                roads = await self._of_task(source_id.partition(":")[0], source_id)
            found += roads or [_unasked(row, await self._deliveries(kind, source_id))]
        return found

    async def _of_task(self, task_id: str, source_id: str | None = None) -> list[RoadTaken]:
        """The road of the message that asked for a task, with a notice behind its own deliveries (None: the last)."""
        found = []
        for row in await self._storage.read("roads.of_task", {"task_id": task_id}):
            road = await self._with_deliveries(row)
            notice = await self._deliveries("task", source_id or f"{task_id}:{row['attempt']}")
            found.append(replace(road, deliveries=[*road.deliveries, *notice]))
        return found

    async def _with_deliveries(self, row: Row) -> RoadTaken:
        source = f"{row['channel']}:{row['account']}:{row['update_id']}"
        return _road(row, await self._deliveries("inbox", source))

    async def _deliveries(self, kind: str, source_id: str) -> list[Passage]:
        rows = await self._storage.read("roads.deliveries", {"kind": kind, "source_id": source_id})
        return [
            Passage(row["id"], row["part"], row["state"], row["reason"], row["attempts"], row["receipt"])
            for row in rows
        ]


def _road(row: Row, deliveries: Sequence[Passage]) -> RoadTaken:
    return RoadTaken(
        id=_name(row),
        channel=row["channel"],
        account=row["account"],
        chat=row["chat"],
        message_id=row["message_id"],
        sender=row["sender"],
        session_key=row["session_key"],
        agent=row["agent"],
        state=row["state"],
        reason=row["reason"],
        began=from_unix_ms(row["began_ms"]),
        ended=from_unix_ms(row["ended_ms"]),
        steps=json.loads(row["steps"]),
        deliveries=deliveries,
    )


def _stored(row: Row, deliveries: Sequence[Passage]) -> RoadTaken:
    """What the inbox alone knows: it is on its way, was no message, or could not be read."""
    finished = row["finished_ms"]
    return RoadTaken(
        id=_name(row),
        channel=row["channel"],
        account=row["account"],
        chat="",
        message_id="",
        sender=None,
        session_key=None,
        agent=None,
        state=row["state"],
        reason=row["reason"],
        began=from_unix_ms(row["received_ms"]),
        ended=None if finished is None else from_unix_ms(finished),
        steps=(),
        deliveries=deliveries,
    )


def _unasked(row: Row, deliveries: Sequence[Passage]) -> RoadTaken:
    """What the bot said without being asked, or in answer to what is forgotten: only what came of it is known."""
    began = from_unix_ms(row["created_ms"])
    return RoadTaken(
        id=f"{row['source_kind']}:{row['source_id']}",
        channel=row["channel"],
        account=row["account"],
        chat=row["chat"],
        message_id="",
        sender=None,
        session_key=None,
        agent=None,
        state=row["source_kind"],
        reason=None,
        began=began,
        ended=began,
        steps=(),
        deliveries=deliveries,
    )


def _name(row: Row) -> str:
    return f"{row['channel']}/{row['account']}/{row['update_id']}"
