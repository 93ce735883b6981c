from pathlib import Path

import pytest

from bot.storage.port import Storage
from tests.unit.sessions.archivist import Archivist
from tests.unit.storage.conftest import open_again, storage

__all__ = ["open_again", "storage"]  # on SQLite and on PostgreSQL


@pytest.fixture
def archivist(storage: Storage, tmp_path: Path) -> Archivist:
    return Archivist(storage, tmp_path / "sessions" / "archive")
