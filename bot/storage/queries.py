"""The named SQL of `storage/sql`: each file holds blocks that open with `-- name: <file>.<query>`."""

import re
from collections.abc import Mapping
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\S+)$", re.MULTILINE)


def load_queries() -> Mapping[str, str]:
    """All named statements, by name. A name that stands twice is a ValueError."""
    queries: dict[str, str] = {}
    for resource in files("bot.storage").joinpath("sql").iterdir():
        _, *blocks = _NAME.split(resource.read_text(encoding="utf-8"))
        for name, sql in zip(blocks[::2], blocks[1::2], strict=True):
            if name in queries:
                raise ValueError(f"two queries are named {name}")
            queries[name] = sql.strip().removesuffix(";")
    return queries
