"""Plain tables for people, with Chinese counted as wide as it is shown."""

import json
import unicodedata
from collections.abc import Sequence
from typing import Any

import click


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Columns as wide as their widest cell; `(none)` below the headers when there is no row."""
    table = [list(headers), *([_one_line(cell) for cell in row] for row in rows)]
    widths = [max(width(row[column]) for row in table) for column in range(len(headers))]
    for row in table:
        padded = (cell + " " * (size - width(cell)) for cell, size in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())
    if not rows:
        click.echo("(none)")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def width(text: str) -> int:
    """Columns of a terminal that `text` takes."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _one_line(cell: object) -> str:
    text = "" if cell is None else str(cell)
    return "".join(character if character.isprintable() else " " for character in text)
