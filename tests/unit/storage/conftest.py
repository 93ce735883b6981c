from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest

from bot.storage.opening import Database, open_storage
from bot.storage.port import Storage
from channels.clock import SystemClock

OpenStorage = Callable[[], AbstractAsyncContextManager[Storage]]


@pytest.fixture
def open_again(any_database: Database) -> OpenStorage:
    """Opens one and the same database, as often as one likes."""
    return lambda: open_storage(any_database, SystemClock())


@pytest.fixture
async def storage(open_again: OpenStorage) -> AsyncIterator[Storage]:
    async with open_again() as opened:
        yield opened
