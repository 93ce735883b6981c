"""Who spoke, and where: the facts of a message that routing may look at."""

from dataclasses import dataclass
from typing import Literal

PeerKind = Literal["direct", "group", "channel"]


@dataclass(frozen=True, slots=True)
class Peer:
    """The chat that holds a message.

    `id` is the platform's immutable id as text: for `direct` the other person's id, otherwise the chat's.
    """

    kind: PeerKind
    id: str


@dataclass(frozen=True, slots=True)
class Address:
    """Where one message stands. Every id is the platform's immutable id as text, never a name.

    `thread` is the topic or thread inside `peer` (None: the chat itself); `guild` the Discord server (None where
    the platform has none); `roles` the sender's roles there; `sender` is None where the platform named nobody.
    """

    channel: str
    account: str
    peer: Peer
    thread: str | None = None
    guild: str | None = None
    roles: frozenset[str] = frozenset()
    sender: str | None = None
