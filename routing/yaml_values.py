"""The quick way through a YAML text in which nothing is unusual: its values alone, without the place of each.

A place for each value is several objects a value, whose making and letting go would hold up a running bot that reads
thousands of bindings. Whatever is wrong or rare (aliases, tags) is left to routing/yaml_reader.py, which tells it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from routing.yaml_reader import FASTEST, MAX_DEPTH, UNPRINTABLE, Spot, scalar

_CHUNK: Final = 50_000  # characters; a search holds up all other threads


@dataclass(frozen=True, slots=True)
class Values:
    """The data, and where the items begin of each list that the file's first level holds, by its key."""

    data: Any
    items: Mapping[str, Sequence[Spot]]


class _Unusual(Exception):
    """Something for the other reader."""


class _Level:
    """A mapping or a list that is open. `key` is that whose value comes next; `spots` None: nobody asks for places."""

    __slots__ = ("is_list", "key", "spots", "value")

    def __init__(self, value: Any, *, is_list: bool, spots: list[Spot] | None) -> None:
        self.value = value
        self.is_list = is_list
        self.key: str | None = None
        self.spots = spots


def read_values(text: str) -> Values | None:
    """None where only the other reader can say what the text means, or what is wrong with it."""
    if any(UNPRINTABLE.search(text, start, start + _CHUNK) for start in range(0, len(text), _CHUNK)):
        return None
    try:
        return _Values(text).read()
    except (yaml.YAMLError, _Unusual):
        return None


class _Values:
    def __init__(self, text: str) -> None:
        self._events = yaml.parse(text, Loader=FASTEST)
        self._levels: list[_Level] = []
        self._items: dict[str, list[Spot]] = {}
        self._root: Any = None
        self._documents = 0

    def read(self) -> Values:
        for event in self._events:
            kind = event.__class__
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent:
                self._open({}, event, is_list=False)
            elif kind is yaml.SequenceStartEvent:
                self._open([], event, is_list=True)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._levels.pop()
            elif kind is yaml.AliasEvent:
                raise _Unusual
            elif kind is yaml.DocumentStartEvent:
                self._documents += 1
        if self._documents > 1:
            raise _Unusual
        return Values(self._root, self._items)

    def _scalar(self, event: Any) -> None:
        if event.tag is not None or event.anchor is not None:
            raise _Unusual
        level = self._levels[-1] if self._levels else None
        if level is not None and not level.is_list and level.key is None:
            if event.value in level.value:
                raise _Unusual
            level.key = event.value
            return
        self._add(scalar(event.value) if event.implicit[0] else event.value, event)

    def _open(self, value: Any, event: Any, *, is_list: bool) -> None:
        levels = self._levels
        if event.tag is not None or event.anchor is not None or len(levels) >= MAX_DEPTH:
            raise _Unusual
        spots = None
        if is_list and len(levels) == 1 and levels[0].key is not None:
            spots = self._items[levels[0].key] = []
        self._add(value, event)
        levels.append(_Level(value, is_list=is_list, spots=spots))

    def _add(self, value: Any, event: Any) -> None:
        if not self._levels:
            self._root = value
            return
        level = self._levels[-1]
        if level.is_list:
            level.value.append(value)
            if level.spots is not None:
                level.spots.append((event.start_mark.line + 1, event.start_mark.column + 1))
        elif level.key is None:
            raise _Unusual  # a key that is no plain word
        else:
            level.value[level.key] = value
            level.key = None
