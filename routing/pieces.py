"""Where the parts of a YAML text begin and end, so that one can be changed and all others stay as they are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from routing.errors import CannotEdit
from routing.yaml_reader import FASTEST

_ENDS: tuple[type[Any], ...] = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


@dataclass(slots=True)
class Piece:
    """One value: `text[start:end]`, and its column there (from 0). A mapping's `items` are key, value, key, value …

    `flow` is true for what stands in [] or {}. An alias has no items of its own.
    """

    kind: Literal["scalar", "alias", "mapping", "sequence"]
    start: int
    end: int
    column: int
    flow: bool = True
    text: str = ""
    items: list["Piece"] = field(default_factory=list)

    @property
    def tail(self) -> int:
        """Where the last thing inside ends: the parser lets a block reach to the next token, past all comments."""
        return self.items[-1].tail if self.items and not self.flow else self.end

    def entry(self, key: str) -> tuple["Piece", "Piece"] | None:
        """A mapping's key and its value."""
        pairs = zip(self.items[::2], self.items[1::2], strict=True)
        return next(((name, value) for name, value in pairs if name.kind == "scalar" and name.text == key), None)

    def value(self, key: str) -> "Piece | None":
        found = self.entry(key)
        return None if found is None else found[1]


def read_pieces(text: str) -> Piece | None:
    """The whole text, which the reader has found in order; None: nothing is written there."""
    events = iter(yaml.parse(text, Loader=FASTEST))
    next(events)
    if isinstance(next(events), yaml.StreamEndEvent):
        return None
    return _piece(next(events), events)


def _piece(event: Any, events: Iterator[Any]) -> Piece:
    start, end = event.start_mark, event.end_mark
    if isinstance(event, yaml.ScalarEvent):
        return Piece("scalar", start.index, end.index, start.column, text=event.value)
    if isinstance(event, yaml.AliasEvent):
        return Piece("alias", start.index, end.index, start.column)
    if not isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
        raise CannotEdit("this is not a file that can be edited by command")
    kind: Literal["mapping", "sequence"] = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
    piece = Piece(kind, start.index, end.index, start.column, bool(event.flow_style))
    inner: Any = next(events)
    while not isinstance(inner, _ENDS):
        piece.items.append(_piece(inner, events))
        inner = next(events)
    piece.end = inner.end_mark.index
    return piece


def line_start(text: str, index: int) -> int:
    return text.rfind("\n", 0, index) + 1


def line_end(text: str, index: int) -> int:
    """After the line break of the line in which what ends at `index` ends; the text's end in its last line."""
    if index and text[index - 1] == "\n":
        return index
    found = text.find("\n", index)
    return len(text) if found < 0 else found + 1


def newline(text: str) -> str:
    """The line break that the text uses."""
    return "\r\n" if "\r\n" in text else "\n"
