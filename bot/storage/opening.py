"""The database that the settings name: a path is a SQLite file, a secret URL a PostgreSQL server."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import SecretStr

from bot.storage.lock import run_is_active
from bot.storage.port import Storage
from bot.storage.postgresql.membership import holdings, machines
from bot.storage.sqlite import open_sqlite
from channels.clock import Clock

Database = Path | SecretStr


@asynccontextmanager
async def open_storage(database: Database, clock: Clock) -> AsyncIterator[Storage]:
    """Open it, made and migrated as needed. Raises StorageError."""
    if isinstance(database, Path):
        async with open_sqlite(database) as storage:
            yield storage
    else:
        # psycopg takes a while to import, and most bots never need it.
        module = await asyncio.to_thread(importlib.import_module, "bot.storage.postgresql.storage")
        async with module.open_postgresql(database.get_secret_value(), clock) as server:
            yield server


async def bot_is_running(database: Database, storage: Storage) -> bool:
    """True while some `javis run` works on it."""
    if isinstance(database, Path):
        return run_is_active(database)
    return bool(await machines(storage))


async def machines_and_holdings(database: Database, storage: Storage) -> dict[str, list[str]]:
    """The machines that work on it and what each of them holds; empty on SQLite, where one process has it all."""
    return {} if isinstance(database, Path) else await holdings(storage)
