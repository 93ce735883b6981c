"""Answers to repeated reads, kept while nobody has written to the database."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from bot.storage.port import Row, SqlValue

MOST_CHARACTERS: Final = 4_000_000
MOST_ROWS: Final = 100  # longer answers are rare, and would push out many short ones

Key = tuple[str, tuple[tuple[str, SqlValue], ...]]


class ReadCache:
    """Rows by query and values, bounded, all forgotten at the first commit of anybody.

    A `PRAGMA data_version` that stands still says that no connection, of this process or another, has committed
    (https://sqlite.org/pragma.html#pragma_data_version). Asking costs a few microseconds in the event loop, a
    read through another thread some hundred.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        """`connection` reads only, and is used from the event loop's thread alone."""
        self._connection = connection
        self._version = self.current_version()
        self._kept: dict[Key, Sequence[Row]] = {}
        self.characters = 0

    def find(self, name: str, values: Mapping[str, SqlValue]) -> tuple[int, Sequence[Row] | None]:
        """(the database's version now, the rows or None). Give the version back to `keep`."""
        version = self.current_version()
        if version != self._version:
            self._version = version
            self._kept.clear()
            self.characters = 0
        return version, self._kept.get(_key(name, values))

    def keep(self, version: int, name: str, values: Mapping[str, SqlValue], rows: Sequence[Row]) -> None:
        """Keep `rows`, read after `find` told `version`, unless somebody may have written since or they are many."""
        if version != self._version or len(rows) > MOST_ROWS:
            return
        columns = rows[0].keys() if rows else ()
        characters = 100 + sum(len(str(row[column])) for row in rows for column in columns)
        if self.characters + characters > MOST_CHARACTERS:
            return
        self.characters += characters
        self._kept[_key(name, values)] = rows

    def current_version(self) -> int:
        """Differs from every earlier one once anybody, this process or another, has committed."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])


def _key(name: str, values: Mapping[str, SqlValue]) -> Key:
    return name, tuple(values.items())
