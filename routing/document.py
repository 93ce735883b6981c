"""A YAML or JSON file that a person wrote: its data, and the place of each value for telling what is wrong."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from routing.faults import Fault, FileFaults, nearest
from routing.schema import Loc, is_wrong_kind, plain_message, written
from routing.yaml_reader import Place, Spot, read_yaml
from routing.yaml_values import read_values

__all__ = ["Document", "Fault", "FileFaults", "load_document", "nearest", "parse_document", "read_text", "validate"]

M = TypeVar("M", bound=BaseModel)

NO_ITEMS: Final[Mapping[str, Sequence[Spot]]] = MappingProxyType({})

# JSON writes a sign beyond the first 65,536 as two escapes, YAML as one.
_PAIR: Final = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


class Document:
    """The data of the file `path`: None where nothing is written, keys always text.

    `place` None: the place of each value is found in `text` once somebody asks for one, but for `items`.
    """

    __slots__ = ("_items", "_place", "_text", "data", "path")

    def __init__(
        self, path: str, data: Any, place: Place | None, text: str = "", items: Mapping[str, Sequence[Spot]] = NO_ITEMS
    ) -> None:
        self.path: Final = path
        self.data: Final = data
        self._place = place
        self._text = text
        self._items = items

    def position(self, loc: Loc) -> Spot:
        """Line and column, from 1, of what stands at `loc`, or of the nearest thing around it.

        That is the key where a mapping or list begins and the value where a single value stands.
        """
        if self._place is None and len(loc) == 2:
            spots = self._items.get(str(loc[0]), ())
            if isinstance(loc[1], int) and loc[1] < len(spots):
                return spots[loc[1]]
        return self._place_at(loc).at

    def fault(self, loc: Loc, message: str, *, of_key: bool = False) -> Fault:
        """A fault that points at the value at `loc`, or at its key."""
        place = self._place_at(loc)
        return Fault(self.path, *((of_key and place.key_at) or place.at), message)

    def _place_at(self, loc: Loc) -> Place:
        if self._place is None:
            self._place = read_yaml(self._text, self.path)[1]
        place = self._place
        for key in loc:
            if key not in place.inside:
                break
            place = place.inside[key]
        return place


def load_document(path: Path) -> Document:
    """Raises FileFaults when the file cannot be read, is not UTF-8, or is neither YAML nor JSON."""
    return parse_document(read_text(path), str(path))


def read_text(path: Path) -> str:
    """What is written in the file. Raises FileFaults when it cannot be read or is not UTF-8."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise FileFaults([Fault(str(path), 0, 0, "there is no such file")]) from None
    except OSError as error:
        raise FileFaults([Fault(str(path), 0, 0, f"cannot be read ({error.strerror})")]) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise FileFaults([Fault(str(path), line, column, "this is not UTF-8: save the file as UTF-8")]) from None


def parse_document(text: str, path: str) -> Document:
    """The document that a file `path` with this text would be. Raises FileFaults."""
    if path.endswith(".json"):
        text = _json_as_yaml(text)
    quick = read_values(text)
    if quick is not None:
        return Document(path, quick.data, None, text, quick.items)
    return Document(path, *read_yaml(text, path))


def validate(document: Document, model: type[M], data: Any = None, at: Loc = ()) -> M:
    """The model that the value at `at` describes. Raises FileFaults with everything that is wrong.

    `data` replaces that value (with other texts in the same shape); None takes it from the document. A value
    that is not written at all counts as an empty mapping. No fault repeats a value.
    """
    if data is None:
        data = document.data
        for key in at:
            data = data[key]
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        raise FileFaults(_faults(document, model, data, at, error.errors(include_url=False))) from None


def _faults(
    document: Document, model: type[BaseModel], data: Any, at: Loc, errors: Sequence[ErrorDetails]
) -> list[Fault]:
    places: dict[Loc, list[ErrorDetails]] = {}
    for error in errors:
        places.setdefault(written(error, data), []).append(error)
    faults = []
    for loc, here in places.items():
        deeper = any(len(other) > len(loc) and other[: len(loc)] == loc for other in places)
        if deeper and all(map(is_wrong_kind, here)):
            continue  # the branch of a union that got further is the one that was meant
        message = plain_message(here, model, loc, at)
        faults.append(document.fault((*at, *loc), message, of_key=here[0]["type"] == "extra_forbidden"))
    return faults


def _json_as_yaml(text: str) -> str:
    """JSON is YAML but for tabs between values and for surrogate pairs (and keys longer than 1,024 characters)."""
    return _PAIR.sub(_one_escape, text).replace("\t", " ")


def _one_escape(pair: re.Match[str]) -> str:
    high, low = int(pair[2], 16), int(pair[3], 16)
    return f"{pair[1]}\\U{0x10000 + ((high & 0x3FF) << 10) + (low & 0x3FF):08x}"
