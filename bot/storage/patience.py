"""For facts that must not be forgotten: while the database cannot be used, wait and try again."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from bot.storage.errors import StorageUnavailable
from bot.storage.port import Row, Statement, Storage
from channels.clock import Clock

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 1.0

Found = TypeVar("Found")


async def commit_patiently(storage: Storage, clock: Clock, statements: Sequence[Statement]) -> Sequence[Sequence[Row]]:
    """`storage.commit`, repeated while it raises StorageUnavailable; its other errors pass through."""
    return await patiently(clock, lambda: storage.commit(statements), statements[0].name)


async def patiently(clock: Clock, work: Callable[[], Awaitable[Found]], purpose: str) -> Found:
    """The same for any `work`, a read for example; `purpose` is for the log."""
    while True:
        try:
            return await work()
        except StorageUnavailable as error:
            log.warning("Waiting for the database", extra={"error": str(error), "for": purpose})
            await clock.sleep(RETRY_SECONDS)
