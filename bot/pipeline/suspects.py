"""What an earlier process left is begun again, so often at most, and in less and less company.

A process that dies takes all with it that was under way, and nobody knows which of it was the cause. So what was begun
again twice is a suspect: suspects work one at a time, beside others. What ends its process there too gets one more
chance, with nothing else under way; only who fails then is set aside. A stop in good order counts for nobody, but for
the last chance: it holds all others up, and whoever stops a bot that stands still must not find it so again.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from typing import Final

from bot.inbox import InboxStore, StoredUpdate
from bot.sessions.lanes import Lanes
from bot.storage.errors import StorageError
from bot.storage.patience import commit_patiently
from bot.storage.port import Storage
from channels.clock import Clock

log = logging.getLogger(__name__)

MOST_UNSUSPECTED: Final = 2  # times begun again
MOST_BEGUN_AGAIN: Final = 4  # times; the last of them entirely alone


class Suspects:
    """Counts the beginnings of what was left over, and chooses its company."""

    def __init__(self, storage: Storage, clock: Clock, inbox: InboxStore, lanes: Lanes) -> None:
        self._storage = storage
        self._clock = clock
        self._inbox = inbox
        self._lanes = lanes

    @asynccontextmanager
    async def begun(self, update: StoredUpdate, lane: str) -> AsyncIterator[int]:
        """For the length of its work in the job of `lane` that is under way: how often it was begun, this time counted.

        What has just come begins without a commit: should it end the process, the next start finds its row.
        Raises GuardFailed when the row is finished.
        """
        if not update.left_over:
            yield 1
            return
        async with self._company(lane, update):
            try:
                ((row,),) = await commit_patiently(self._storage, self._clock, [self._inbox.begin(update)])
                yield 1 + int(row["attempts"])
            except asyncio.CancelledError:
                if not _is_last_chance(update):
                    with suppress(StorageError):
                        await self._storage.commit([self._inbox.forgive(update)])
                raise

    def _company(self, lane: str, update: StoredUpdate) -> AbstractAsyncContextManager[None]:
        if not MOST_UNSUSPECTED <= update.begun_again < MOST_BEGUN_AGAIN:
            return nullcontext()
        if _is_last_chance(update):
            message = f"{update.channel}/{update.account}/{update.update_id}"
            log.warning("A message has its last chance; all others wait until it ends", extra={"update": message})
        return self._lanes.alone(lane, entirely=_is_last_chance(update))


def _is_last_chance(update: StoredUpdate) -> bool:
    return update.begun_again == MOST_BEGUN_AGAIN - 1
