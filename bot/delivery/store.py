"""The outbox on disk: its statements and reads."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from bot.delivery.item import LIFETIME, ChatKey, OutboxItem, State, item_from_row
from bot.delivery.policy import Again
from bot.storage.port import SqlValue, Statement, Storage
from bot.storage.pruning import MOST_AT_ONCE
from channels.clock import Clock, unix_ms
from channels.json_text import compact_json
from channels.message import Receipt

KEEP_FINISHED = timedelta(days=30)


class OutboxStore:
    """Reads and statements of the outbox."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def enqueue(self, items: Sequence[OutboxItem]) -> list[Statement]:
        """Queue new rows; a row that exists already is left as it is."""
        return [
            Statement(
                "outbox.enqueue",
                {**_identity(item), "now_ms": unix_ms(item.created), "expires_ms": unix_ms(item.expires)},
            )
            for item in items
        ]

    def enqueue_as(self, item: OutboxItem, ended: datetime | None) -> Statement:
        """Take over a row as it is, one that has ended at `ended` too; answers its id unless it is here already."""
        values: dict[str, SqlValue] = {
            "due_ms": unix_ms(item.due),
            "created_ms": unix_ms(item.created),
            "expires_ms": unix_ms(item.expires),
            "finished_ms": None if ended is None else unix_ms(ended),
            "state": item.state,
            "reason": item.reason,
            "attempts": item.attempts,
            "duplicate": int(item.duplicate),
        }
        return Statement("outbox.enqueue_as", {**_identity(item), **values})

    def claim(self, item: OutboxItem, *, required: bool = True) -> Statement:
        """`queued → attempting`, before the wire is touched; answers the row's new values (see `claimed_item`).

        Fails, or does nothing when it is not `required`, when it is not this row's turn in its chat.
        """
        return Statement("outbox.claim", {"id": item.id, "now_ms": self._now_ms()}, required=required)

    def sent(self, item: OutboxItem, receipt: Receipt) -> Statement:
        values: dict[str, SqlValue] = {
            "id": item.id,
            "receipt": receipt.message_id,
            "duplicate": int(item.duplicate),
            "now_ms": self._now_ms(),
        }
        return Statement("outbox.sent", values, required=True)

    def again(self, item: OutboxItem, verdict: Again) -> Statement:
        """`attempting → queued`, due later."""
        values: dict[str, SqlValue] = {
            "id": item.id,
            "due_ms": unix_ms(verdict.due),
            "reason": verdict.reason,
            "uncharged": int(not verdict.charged),
            "duplicate": int(verdict.duplicate or item.duplicate),
        }
        return Statement("outbox.again", values)

    def end(self, item: OutboxItem, state: State, reason: str) -> Statement:
        """The row ends as `failed` or `unknown`."""
        values: dict[str, SqlValue] = {
            "id": item.id,
            "state": state,
            "reason": reason,
            "duplicate": int(item.duplicate),
            "now_ms": self._now_ms(),
        }
        return Statement("outbox.end", values)

    def chat_moved(self, chat_key: ChatKey, new_chat: str) -> Statement:
        """All that waits for a chat goes to `new_chat`."""
        channel, account, chat = chat_key
        values = {"channel": channel, "account": account, "chat": chat, "new_chat": new_chat}
        return Statement("outbox.chat_moved", values)

    def end_chat(self, chat_key: ChatKey, reason: str) -> Statement:
        """All that waits for a chat becomes a dead letter; what may have arrived already ends as `unknown`."""
        channel, account, chat = chat_key
        values: dict[str, SqlValue] = {"channel": channel, "account": account, "chat": chat}
        return Statement("outbox.end_chat", {**values, "reason": reason, "now_ms": self._now_ms()})

    def prune(self) -> Statement:
        """Forget some of the rows that ended long ago; answers them."""
        before_ms = unix_ms(self._clock.now() - KEEP_FINISHED)
        return Statement("outbox.prune", {"before_ms": before_ms, "most": MOST_AT_ONCE})

    def interrupted(self, channel: str, account: str) -> Statement:
        """Rows that a process left between sending and hearing the answer wait again, as possible duplicates; no
        attempt is spent. Answers their ids."""
        values: dict[str, SqlValue] = {"channel": channel, "account": account, "now_ms": self._now_ms()}
        return Statement("outbox.interrupted", values)

    async def any_waiting(self, channel: str, account: str) -> bool:
        """Whether any row of the account has not ended. The same question again costs next to nothing on SQLite."""
        return bool(await self._storage.read("outbox.any_waiting", {"channel": channel, "account": account}))

    async def chats_due(self, channel: str, account: str, *, after: str, most: int) -> list[str]:
        """Chats above `after` whose first waiting row is due, in the order of their ids: however many rows wait, the
        cost is that of the chats."""
        values: dict[str, SqlValue] = {
            "channel": channel,
            "account": account,
            "after": after,
            "now_ms": self._now_ms(),
            "most": most,
        }
        return [row["chat"] for row in await self._storage.read("outbox.chats_due", values)]

    async def chat_queue(self, chat_key: ChatKey, most: int) -> list[OutboxItem]:
        """The first waiting rows of a chat, in order."""
        channel, account, chat = chat_key
        values: dict[str, SqlValue] = {"channel": channel, "account": account, "chat": chat, "most": most}
        return [item_from_row(row) for row in await self._storage.read("outbox.chat_queue", values)]

    async def newest(self, state: State | None, most: int) -> list[OutboxItem]:
        """The newest rows, of one state or of all (None)."""
        rows = await self._storage.read(*_listing(state, most))
        return [item_from_row(row) for row in rows]

    async def find(self, prefix: str) -> OutboxItem | None:
        """The row whose id starts with `prefix`; None when there is none, or more than one."""
        rows = await self._storage.read("outbox.find", {"prefix": prefix})
        return item_from_row(rows[0]) if len(rows) == 1 else None

    async def of_source(self, kind: str, source_id: str) -> list[OutboxItem]:
        """The rows that one source gave, in order."""
        rows = await self._storage.read("outbox.of_source", {"kind": kind, "source_id": source_id})
        return [item_from_row(row) for row in rows]

    async def counts(self) -> dict[str, int]:
        """How many rows stand in each state."""
        return {row["state"]: row["items"] for row in await self._storage.read("outbox.counts", {})}

    def retry(self, item: OutboxItem) -> Statement:
        """A person's wish: a dead letter or a held row starts anew. Fails when it is neither."""
        now: datetime = self._clock.now()
        values: dict[str, SqlValue] = {
            "id": item.id,
            "now_ms": unix_ms(now),
            "expires_ms": unix_ms(now + LIFETIME[item.kind]),
        }
        return Statement("outbox.retry", values, required=True)

    def drop(self, item: OutboxItem) -> Statement:
        """A person's wish: never send it. Fails when it was sent, is being sent, or has failed already."""
        return Statement("outbox.drop", {"id": item.id, "now_ms": self._now_ms()}, required=True)

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())


def _identity(item: OutboxItem) -> dict[str, SqlValue]:
    return {
        "id": item.id,
        "channel": item.destination.channel,
        "account": item.destination.account,
        "chat": item.destination.chat,
        "thread": item.destination.thread,
        "kind": item.kind,
        "source_kind": item.source.kind,
        "source_id": item.source.id,
        "part": item.part,
        "language": item.language,
        "payload": compact_json(item.payload),
    }


def _listing(state: State | None, most: int) -> tuple[str, dict[str, SqlValue]]:
    """The read that finds the newest rows of a state by their index."""
    match state:
        case None:
            return "outbox.list", {"most": most}
        case "sent":
            return "outbox.list_sent", {"most": most}
        case "queued" | "attempting":
            return "outbox.list_waiting", {"state": state, "most": most}
        case "failed" | "unknown":
            return "outbox.list_trouble", {"state": state, "most": most}
