"""A runner's callback, from its signature to its one effect.

The nonce and the end of the task are one transaction: whatever crashes, a message is either taken with all that
follows from it, or not at all.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.dispatch.teller import Ending
from bot.storage.errors import GuardFailed
from bot.storage.port import Statement, Storage
from bot.tasks.keys import TaskKeys
from bot.tasks.store import Outcome, TaskStore
from bot.tasks.task import Task
from bot.webhooks.report import Unreadable, read_report
from channels.clock import Clock
from channels.signature import Signed, is_signed_by, is_timely, new_key

log = logging.getLogger(__name__)

EndTask = Callable[[Task, Outcome], Ending]
TRIES: Final = 3  # a task may end in another way while its result is on the way to the disk


@dataclass(frozen=True, slots=True)
class Reply:
    """What the runner is told; `body` is sent as JSON."""

    status: int
    body: Mapping[str, Any]


UNPROVEN: Final = Reply(
    401, {"error": "sign the request after the Standard Webhooks specification, with the task's key"}
)
STALE: Final = Reply(401, {"error": "webhook-timestamp is more than five minutes off: set the clock, and sign anew"})
ALTERED: Final = Reply(409, {"error": "another message came with this webhook-id: give each its own"})
DUPLICATE: Final = Reply(200, {"status": "duplicate"})


class Callbacks:
    """Takes callbacks. `ending` gives what ends a task (`TaskTeller.ending`)."""

    def __init__(
        self,
        storage: Storage,
        clock: Clock,
        tasks: TaskStore,
        keys: TaskKeys,
        ending: EndTask,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._tasks = tasks
        self._keys = keys
        self._ending = ending
        self._nobodys_key = new_key()

    async def take(self, task_id: str, signed: Signed, body: bytes) -> Reply:
        """The answer, given once everything is on disk. Raises StorageError: nothing was taken then."""
        # A task that does not exist costs its caller as much time as a wrong signature.
        keys = await self._keys.live_of_runner(task_id)
        if not is_signed_by(keys or [self._nobodys_key], signed, body) or not keys:
            return UNPROVEN
        if not is_timely(signed, self._clock.now()):
            return STALE
        digest = hashlib.sha256(body).hexdigest()
        nonce = self._keys.take_nonce(task_id, signed.id, digest)
        for _ in range(TRIES):
            task = await self._tasks.get(task_id)
            if task is None:
                return UNPROVEN
            try:
                return await self._settle(task, body, nonce)
            except GuardFailed as failure:
                if failure.statement == nonce.name:
                    return DUPLICATE if await self._keys.digest_of(task_id, signed.id) == digest else ALTERED
        return Reply(503, {"error": "the task changes too fast: send the same message again"})

    async def _settle(self, task: Task, body: bytes, nonce: Statement) -> Reply:
        """Raises GuardFailed when the nonce was taken, or the task has ended meanwhile."""
        try:
            outcome = read_report(body, task.model)
        except Unreadable as fault:
            return Reply(400, {"error": f"post an OpenAI chat completion: {fault}"})
        if task.state != "running":
            await self._storage.commit([nonce])
            return Reply(200, {"status": "ended", "state": task.state})
        if outcome is None:
            await self._storage.commit([nonce])
            return Reply(202, {"status": "running"})
        ending = self._ending(task, outcome)
        statements: Sequence[Statement] = [nonce, *ending.statements]
        await self._storage.commit(statements)
        ending.committed()
        log.info("A runner has ended its task", extra={"task": task.id, "state": outcome.state})
        return Reply(202, {"status": "accepted", "state": outcome.state})
