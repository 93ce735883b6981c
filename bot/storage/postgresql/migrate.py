"""The numbered migrations on PostgreSQL, each applied once, in order, in one transaction.

A migration stands once, in `migrations/sqlite`, in SQL that both read but for the names of the types. One that cannot
be shared stands a second time under the same number in `migrations/postgresql`, which is then the one for PostgreSQL.
"""

from collections.abc import Sequence
from importlib.resources import files
from typing import Final

import psycopg

from bot.storage.errors import DatabaseUnusable
from bot.storage.migrate import migrations as sqlite_migrations
from bot.storage.postgresql.connection import Connection
from bot.storage.postgresql.dialect import table_form

LOCK: Final = 0x4A617669  # two processes that start on a fresh database must not both make the tables


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of each migration, ascending."""
    shared = {number: table_form(script) for number, script in sqlite_migrations()}
    own: dict[int, str] = {}
    folder = files("bot.storage").joinpath("migrations", "postgresql")
    if folder.is_dir():
        own = {int(file.name[:4]): file.read_text("utf-8") for file in folder.iterdir() if file.name.endswith(".sql")}
    return sorted({**shared, **own}.items())


async def migrate(connection: Connection, known: Sequence[tuple[int, str]] | None = None) -> None:
    """Bring the tables to the newest form. Raises DatabaseUnusable for newer ones, or some that are not ours."""
    known = migrations() if known is None else known
    async with connection.transaction():
        await connection.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        await connection.execute("CREATE TABLE IF NOT EXISTS javis_migrations (number BIGINT PRIMARY KEY)")
        cursor = await connection.execute("SELECT number FROM javis_migrations")
        applied = {row["number"] for row in await cursor.fetchall()}
        newest = max(applied, default=0)
        if newest > known[-1][0]:
            raise DatabaseUnusable(
                f"the PostgreSQL database was written by a newer Javis (format {newest}, this one knows "
                f"{known[-1][0]}): install the newer version again, or restore the backup from before the upgrade"
            )
        try:
            for number, script in known:
                if number not in applied:
                    await connection.execute(script.encode(), prepare=False)
                    await connection.execute("INSERT INTO javis_migrations (number) VALUES (%s)", (number,))
        except psycopg.errors.DuplicateTable as error:
            raise DatabaseUnusable(
                "the PostgreSQL database holds tables of another program: give Javis a database of its own"
            ) from error
