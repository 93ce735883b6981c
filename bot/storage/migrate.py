"""Numbered migrations: `migrations/sqlite/NNNN_name.sql`, each applied once, in order, in one transaction."""

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from bot.storage.errors import DatabaseUnusable

APPLICATION_ID = 0x4A617669  # "Javi": tells our files from any other SQLite file


def migrations() -> list[tuple[int, str]]:
    """(number, SQL) of each migration, ascending."""
    folder = files("bot.storage").joinpath("migrations", "sqlite")
    return sorted((int(file.name[:4]), file.read_text(encoding="utf-8")) for file in folder.iterdir())


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the database to the newest form. Raises DatabaseUnusable for one that is newer, or not ours."""
    known = migrations()
    # The lock comes first: two processes that start on a fresh folder must not both make the tables.
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection, path)
        if version > known[-1][0]:
            raise DatabaseUnusable(
                f"{path} was written by a newer Javis (format {version}, this one knows {known[-1][0]}): "
                "install the newer version again, or restore the backup from before the upgrade"
            )
        for number, script in known:
            if number > version:
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _statements(script: str) -> Iterator[str]:
    """The single statements of a script (executescript would commit the transaction that we hold)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if application != APPLICATION_ID and tables:
        raise DatabaseUnusable(f"{path} is a database of another program: set JAVIS_HOME to another folder")
    return int(version)
