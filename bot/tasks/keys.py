"""The keys that a task's messages are signed with, and the messages that were taken."""

from typing import Final

from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms
from channels.signature import SKEW, new_key

REMEMBER_NONCES: Final = 3 * SKEW
"""A message stays valid for SKEW before and after its time, so it is remembered for longer than both."""


class TaskKeys:
    """Reads and statements. A key is told once, when it is made."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def first(self, task_id: str) -> tuple[str, Statement]:
        """(key, statement) for a new task."""
        key = new_key()
        values: dict[str, SqlValue] = {"task_id": task_id, "secret": key, "now_ms": self._now_ms()}
        return key, Statement("task_keys.first", values, required=True)

    def next(self, task_id: str) -> tuple[str, list[Statement]]:
        """(key, statements): the newest key so far stays good beside the new one, older ones end.

        They fail for a task that has no key.
        """
        key = new_key()
        values: dict[str, SqlValue] = {"task_id": task_id, "secret": key, "now_ms": self._now_ms()}
        retire = Statement("task_keys.retire", {"task_id": task_id})
        return key, [Statement("task_keys.next", values, required=True), retire]

    async def live(self, task_id: str) -> list[str]:
        """The task's good keys, the newest first."""
        return [row["secret"] for row in await self._storage.read("task_keys.live", {"task_id": task_id})]

    async def live_of_runner(self, task_id: str) -> list[str]:
        """The same; empty for a task that is nobody else's to finish."""
        return [row["secret"] for row in await self._storage.read("task_keys.live_of_runner", {"task_id": task_id})]

    def take_nonce(self, task_id: str, nonce: str, digest: str) -> Statement:
        """Fails when a message with this nonce was taken before."""
        values: dict[str, SqlValue] = {"task_id": task_id, "nonce": nonce, "digest": digest, "now_ms": self._now_ms()}
        return Statement("task_keys.take_nonce", values, required=True)

    async def digest_of(self, task_id: str, nonce: str) -> str | None:
        """The digest of the body that was taken with this nonce; None for none."""
        rows = await self._storage.read("task_keys.nonce", {"task_id": task_id, "nonce": nonce})
        return rows[0]["digest"] if rows else None

    def prune(self) -> Statement:
        """Forget nonces whose messages are too old to be believed."""
        before = self._clock.now() - REMEMBER_NONCES
        return Statement("task_keys.prune_nonces", {"before_ms": unix_ms(before)})

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())
