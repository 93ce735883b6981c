"""Forgetting many old rows without keeping others from writing."""

from typing import Final

from bot.storage.port import Statement, Storage

MOST_AT_ONCE: Final = 1000  # rows in one transaction: some ten milliseconds, for which others wait


async def forget(storage: Storage, old: Statement) -> None:
    """Repeat `old`, which deletes some of what is old and answers it, until it finds no more. Raises StorageError."""
    while (await storage.commit([old]))[0]:
        pass
