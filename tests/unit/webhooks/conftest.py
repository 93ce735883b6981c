from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.storage.opening import Database
from tests.unit.webhooks.setting import Desk, open_desk


@pytest.fixture
async def any_desk(tmp_path: Path, any_database: Database) -> AsyncIterator[Desk]:
    """On SQLite, then on PostgreSQL."""
    async with open_desk(tmp_path, database=any_database) as opened:
        yield opened


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(tmp_path) as opened:
        yield opened
