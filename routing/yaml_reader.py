"""YAML, and JSON as a part of it, read into plain data that remembers where each value stands.

The scalars are those of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), because people are
surprised by YAML 1.1, where `22:00` is the number 1320 and `no` is false; but digits after a + or a needless 0 are
text, because they are no number but an id (+886912345678). Keys are always text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from routing.faults import Fault, FileFaults
from routing.yaml_words import plain_words

Key = str | int
Spot = tuple[int, int]  # line and column, from 1

MAX_DEPTH: Final = 40
MAX_REPEATED: Final = 100_000
"""How many values all aliases together may stand for: a few lines of aliases can mean billions."""

# libyaml reads twenty times as fast as the parser in Python; not every platform has it.
FASTEST: Final[type[Any]] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL: Final = {"", "~", "null", "Null", "NULL"}
_BOOL: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,399})|0o[0-7]{1,400}|0x[0-9a-fA-F]{1,400}")
_DIGITS: Final = re.compile(r"[-+]?[0-9]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)")
UNPRINTABLE: Final = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands, and the values inside it; `key_at` is None for what is no entry of a mapping."""

    at: Spot = (1, 1)
    key_at: Spot | None = None
    inside: Mapping[Key, "Place"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Node:
    value: Any
    place: Place
    size: int


def read_yaml(text: str, path: str, loader: type[Any] = FASTEST) -> tuple[Any, Place]:
    """The data of `text` and where it stands; None for an empty text. Raises FileFaults naming `path`."""
    hidden = UNPRINTABLE.search(text)
    if hidden:
        line = text.count("\n", 0, hidden.start()) + 1
        column = hidden.start() - text.rfind("\n", 0, hidden.start())
        raise FileFaults([Fault(path, line, column, "an invisible control character stands here: delete it")])
    return _Reader(text, path, loader).read()


class _Reader:
    def __init__(self, text: str, path: str, loader: type[Any]) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=loader)
        self._text = text
        self._path = path
        self._anchors: dict[str, _Node] = {}
        self._repeated = 0
        self._faults: list[Fault] = []

    def read(self) -> tuple[Any, Place]:
        try:
            node = self._document()
        except yaml.MarkedYAMLError as error:
            mark, words = plain_words(error, self._text)
            self._faults.append(Fault(self._path, mark.line + 1, mark.column + 1, words))
            raise FileFaults(self._faults) from None
        if self._faults:
            raise FileFaults(self._faults)
        return node.value, node.place

    def _document(self) -> _Node:
        next(self._events)  # the stream starts
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return _Node(None, Place(), 1)
        node = self._node(next(self._events), None, 0)
        next(self._events)  # the document ends
        after = next(self._events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._stop(after, "a second document begins here: keep one, without ---")
        return node

    def _node(self, event: Any, key_at: Spot | None, depth: int) -> _Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, key_at)
        if event.tag is not None:
            raise self._stop(event, "tags are not supported: a text that begins with ! must stand in quotes")
        if depth > MAX_DEPTH:
            raise self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, key_at, depth)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, key_at, depth)
        else:
            value = scalar(event.value) if event.implicit[0] else event.value
            node = _Node(value, Place(_spot(event), key_at), 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _mapping(self, start: Any, key_at: Spot | None, depth: int) -> _Node:
        values: dict[str, Any] = {}
        places: dict[Key, Place] = {}
        size = 1
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
                raise self._stop(event, "a key must be a plain word")
            key = str(event.value)
            node = self._node(next(self._events), _spot(event), depth + 1)
            if key in values:
                first = (places[key].key_at or places[key].at)[0]
                words = f"key {key!r} stands here a second time; the first is in line {first}"
                self._faults.append(Fault(self._path, *_spot(event), words))
            values[key], places[key] = node.value, node.place
            size += node.size
        return _Node(values, Place(key_at or _spot(start), key_at, places), size)

    def _sequence(self, start: Any, key_at: Spot | None, depth: int) -> _Node:
        values: list[Any] = []
        places: dict[Key, Place] = {}
        size = 1
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            node = self._node(event, None, depth + 1)
            places[len(values)] = node.place
            values.append(node.value)
            size += node.size
        return _Node(values, Place(key_at or _spot(start), key_at, places), size)

    def _alias(self, event: Any, key_at: Spot | None) -> _Node:
        # An anchor is known only once its value is complete, so nothing can hold itself.
        node = self._anchors.get(event.anchor)
        if node is None:
            raise self._stop(event, "a text that begins with * must stand in quotes (no & of this name is above)")
        self._repeated += node.size
        if self._repeated > MAX_REPEATED:
            raise self._stop(event, "the aliases (*) stand for too many values")
        return _Node(node.value, Place(_spot(event), key_at, node.place.inside), node.size)

    def _stop(self, event: Any, words: str) -> FileFaults:
        return FileFaults([*self._faults, Fault(self._path, *_spot(event), words)])


def _spot(event: Any) -> Spot:
    return event.start_mark.line + 1, event.start_mark.column + 1


def scalar(text: str) -> Any:
    """What an unquoted word means."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))
    if _FLOAT.fullmatch(text) and not _DIGITS.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf"))
    return text
