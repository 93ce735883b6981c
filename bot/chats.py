"""What happened to the bot's place in chats: which groups an owner let it into, which take nothing, which moved."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms

MOST_KNOWN: Final = 10_000  # chats in memory; the newest
KEEP_CLOSED: Final = timedelta(days=90)

ChatKey = tuple[str, str, str]  # channel, account, chat


@dataclass(frozen=True, slots=True)
class KnownChats:
    """`admitted` are on the allowlist; `moved_from` is the id that a chat had before."""

    admitted: AbstractSet[ChatKey] = frozenset()
    moved_from: Mapping[ChatKey, str] = field(default_factory=dict)


class ChatStore:
    """Reads and statements of chats."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def admit(self, chat: ChatKey, owner: str) -> Statement:
        """The owner added the bot: the chat is on the allowlist until the bot is removed."""
        return Statement("chats.admit", {**self._values(chat), "admitted_by": owner})

    def dismiss(self, chat: ChatKey) -> Statement:
        """The chat is no longer on the allowlist because of its owner."""
        return Statement("chats.dismiss", _key(chat))

    def close(self, chat: ChatKey, reason: str) -> Statement:
        """Nothing can be sent there: what is queued from now on is a dead letter at once, with `reason`."""
        return Statement("chats.close", {**self._values(chat), "reason": reason})

    def reopen(self, chat: ChatKey) -> Statement:
        """It can be sent to again, if it could not."""
        return Statement("chats.reopen", _key(chat))

    def move(self, chat: ChatKey, new_chat: str) -> list[Statement]:
        """It has a new id; who was let in stays let in."""
        moved: dict[str, SqlValue] = {**self._values(chat), "new_chat": new_chat}
        return [Statement("chats.move", moved), Statement("chats.leave", _key(chat))]

    def prune(self) -> Statement:
        """Forget chats that have been closed for long."""
        return Statement("chats.prune", {"before_ms": unix_ms(self._clock.now() - KEEP_CLOSED)})

    async def known(self) -> KnownChats:
        rows = await self._storage.read("chats.known", {"most": MOST_KNOWN})
        keyed = [((row["channel"], row["account"], row["chat"]), row) for row in rows]
        return KnownChats(
            admitted=frozenset(key for key, row in keyed if row["admitted_by"] is not None),
            moved_from={key: row["moved_from"] for key, row in keyed if row["moved_from"] is not None},
        )

    def _values(self, chat: ChatKey) -> dict[str, SqlValue]:
        return {**_key(chat), "now_ms": unix_ms(self._clock.now())}


def _key(chat: ChatKey) -> dict[str, SqlValue]:
    return dict(zip(("channel", "account", "chat"), chat, strict=True))
