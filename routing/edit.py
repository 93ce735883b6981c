"""Changes bindings.yaml by command: comments, order and quoting stay, byte for byte, where nothing was to change.

Each new text is read again before anybody sees it: it must be in order, and must differ from the old one in what was
asked and nothing else. Otherwise the edit is refused and the file stays as it is.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Final

from routing.binding import Binding
from routing.document import parse_document
from routing.errors import CannotEdit
from routing.faults import FileFaults
from routing.file import read_bindings
from routing.notation import binding_data
from routing.surgery import change_binding, delete_binding, insert_binding

Data = dict[str, Any]

_BY_HAND: Final = "is written in a way that no command can change safely: edit it by hand"


def with_binding(text: str, path: str, binding: Binding) -> str:
    """The text with `binding` behind all others. Raises FileFaults, CannotEdit."""
    data = binding_data(binding)

    def add(file: Data) -> None:
        file["bindings"] = [*(file.get("bindings") or ()), data]

    return _edited(text, path, add, lambda: insert_binding(text, data))


def without_binding(text: str, path: str, index: int) -> str:
    """The text without its binding number `index`, from 0. Raises FileFaults, CannotEdit."""

    def remove(file: Data) -> None:
        del file["bindings"][index]

    return _edited(text, path, remove, lambda: delete_binding(text, index))


def with_agent(text: str, path: str, index: int, agent: str, priority: int | None = None) -> str:
    """The text in which `agent` has the binding; `priority` None leaves it. Raises FileFaults, CannotEdit."""

    def change(file: Data) -> None:
        binding = dict(file["bindings"][index])
        file["bindings"][index] = binding | {"agent": agent} | ({} if priority is None else {"priority": priority})

    def cut() -> str:
        new = change_binding(text, index, "agent", agent)
        return new if priority is None else change_binding(new, index, "priority", priority)

    return _edited(text, path, change, cut)


def _edited(text: str, path: str, change: Callable[[Data], None], cut: Callable[[], str]) -> str:
    expected = _read(text, path)
    change(expected)
    new = _as_json(text, change) if path.endswith(".json") else cut()
    try:
        document = parse_document(new, path)
    except FileFaults:
        raise CannotEdit(f"{path} {_BY_HAND}") from None
    if document.data != expected:
        raise CannotEdit(f"{path} {_BY_HAND}")
    read_bindings(document)
    return new


def _read(text: str, path: str) -> Data:
    """The data of a text in order; what aliases stand for is there once for each. Raises FileFaults."""
    document = parse_document(text, path)
    form = read_bindings(document).form
    if form is not None:
        raise CannotEdit(f"{path} is in the form of {form}: rewrite it first with javis bindings migrate")
    data: Data = _unshared(document.data)
    return data


def _unshared(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unshared(inner) for key, inner in value.items()}
    return [_unshared(inner) for inner in value] if isinstance(value, list) else value


def _as_json(text: str, change: Callable[[Data], None]) -> str:
    """JSON has no comments to lose: written anew, indented as it was."""
    try:
        data = json.loads(text)
    except ValueError:
        raise CannotEdit("this is not JSON as it should be: edit it by hand") from None
    change(data)
    indent = re.search(r"\n([ \t]+)", text)
    end = "\n" if text.endswith("\n") else ""
    return json.dumps(data, ensure_ascii=False, indent=indent[1] if indent else None) + end
