"""The named SQL of `storage/sql`: each file holds blocks that open with `-- name: <file>.<query>`.

Files beside each other are shared by both databases. A statement of the same name under `sqlite/` or `postgresql/`
takes the shared one's place there. The rules for shared SQL stand in `storage/port.py`.
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final, Literal

from bot.storage.errors import StatementFailed, StorageError

Dialect = Literal["sqlite", "postgresql"]

MISTAKES: Final = (StorageError, ValueError, TypeError, LookupError, ArithmeticError)
"""What a transaction with a wrong name or wrong values raises before its database sees it."""

_NAME: Final = re.compile(r"^-- name: (\S+)$", re.MULTILINE)


def load_queries(dialect: Dialect = "sqlite") -> Mapping[str, str]:
    """All named statements, by name. A name that stands twice is a ValueError."""
    folder = files("bot.storage").joinpath("sql")
    return {**_read(folder), **_read(folder.joinpath(dialect))}


def find_query(queries: Mapping[str, str], name: str) -> str:
    """The statement of that name. Raises StatementFailed."""
    try:
        return queries[name]
    except LookupError:
        raise StatementFailed(f"there is no statement named {name}") from None


def _read(folder: Traversable) -> dict[str, str]:
    queries: dict[str, str] = {}
    if not folder.is_dir():
        return queries
    for resource in folder.iterdir():
        if not resource.name.endswith(".sql"):
            continue
        _, *blocks = _NAME.split(resource.read_text(encoding="utf-8"))
        for name, sql in zip(blocks[::2], blocks[1::2], strict=True):
            if name in queries:
                raise ValueError(f"two queries are named {name}")
            queries[name] = sql.strip().removesuffix(";")
    return queries
