"""How far each chat has been read, so that a restart knows what it missed. Pure but for `load`.

Kept in the channel's memory, moved in the transaction that stores the messages:

    read:<channel>     the newest message of a server's channel or thread that is on disk
    direct:<channel>   the same for a direct chat, which the gateway does not list
    mark               all that is older is on disk wherever the bot can read; holds for chats without a cursor
"""

from collections.abc import Mapping
from typing import Final, Self

from channels.port import Memory

MARK: Final = "mark"
_READ: Final = "read:"
_DIRECT: Final = "direct:"
MOST: Final = 10_000
"""Chats that are remembered; beyond, those that were silent for longest are forgotten."""

DISORDER: Final = 60_000 << 22
"""One minute between two ids: events of different channels may come in another order than they were made."""

Changes = Mapping[str, str]
"""What the memory is to be told; an empty value forgets its name."""


class Cursors:
    """`mark` 0: nothing was ever read. Ids as numbers: they grow with time."""

    def __init__(self, remembered: Mapping[str, str], most: int = MOST) -> None:
        numbers = {name: int(value) for name, value in remembered.items() if value.isdecimal()}
        self._most = most
        self.mark = numbers.pop(MARK, 0)
        oldest_first = sorted(numbers, key=lambda name: numbers[name])
        self._read = {name: numbers[name] for name in oldest_first if name.startswith((_READ, _DIRECT))}

    @classmethod
    async def load(cls, memory: Memory) -> Self:
        remembered: dict[str, str] = {}
        for prefix in (_READ, _DIRECT, MARK):
            remembered |= await memory.recall(prefix)
        return cls(remembered)

    @property
    def direct_chats(self) -> list[str]:
        return [name.removeprefix(_DIRECT) for name in self._read if name.startswith(_DIRECT)]

    def is_new(self, channel: str) -> bool:
        """Whether nothing of this direct chat is on disk."""
        return _DIRECT + channel not in self._read

    def after(self, channel: str) -> int:
        """The newest message of `channel` that is on disk; where it has no cursor, whatever is older than `mark` is."""
        return self._read.get(_READ + channel) or self._read.get(_DIRECT + channel) or max(0, self.mark - DISORDER)

    def move(self, channel: str, message: int, *, direct: bool) -> Changes:
        """The changes that go with storing `message`."""
        name = (_DIRECT if direct else _READ) + channel
        before = self._read.pop(name, 0)
        self._read[name] = max(before, message)
        return {name: str(self._read[name]), **self._forgotten()}

    def move_mark(self, message: int) -> Changes:
        self.mark = max(self.mark, message)
        return {MARK: str(self.mark)}

    def forget(self, channel: str) -> Changes:
        """The channel is gone."""
        return {name: "" for name in (_READ + channel, _DIRECT + channel) if self._read.pop(name, None) is not None}

    def _forgotten(self) -> Changes:
        if len(self._read) <= self._most:
            return {}
        oldest = next(iter(self._read))
        del self._read[oldest]
        return {oldest: ""}
