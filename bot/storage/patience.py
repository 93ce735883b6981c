"""For facts that must not be forgotten: commit, and while the database cannot be written, wait and try again."""

import logging
from collections.abc import Sequence

from bot.storage.errors import StorageUnavailable
from bot.storage.port import Row, Statement, Storage
from channels.clock import Clock

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


async def commit_patiently(storage: Storage, clock: Clock, statements: Sequence[Statement]) -> Sequence[Sequence[Row]]:
    """`storage.commit`, repeated while it raises StorageUnavailable; its other errors pass through."""
    while True:
        try:
            return await storage.commit(statements)
        except StorageUnavailable as error:
            log.warning("Waiting for the database", extra={"error": str(error), "for": statements[0].name})
            await clock.sleep(RETRY_SECONDS)
