"""Cuts into the text of bindings.yaml: one binding comes, goes or changes, and not a sign besides it.

Each function answers the new text, and raises CannotEdit for a way of writing that it does not know. Whether the new
text means what it should is for the caller to see (routing/edit.py reads it again).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from routing.errors import CannotEdit
from routing.notation import in_lines, in_one_line
from routing.pieces import Piece, line_end, line_start, newline, read_pieces

_COMMENT_OR_BLANK: Final = re.compile(r"(?:\s+|(?<=\s)#[^\n]*)*")


def insert_binding(text: str, data: Mapping[str, Any]) -> str:
    """With one more binding, after the last."""
    root = read_pieces(text)
    if root is None or root.kind != "mapping":
        raise CannotEdit("there is no mapping to write a binding into")
    found = root.entry("bindings")
    if found is None:
        return _with_new_key(text, root, data)
    _, bindings = found
    if bindings.kind == "alias":
        raise CannotEdit("`bindings` is an alias (*)")
    if bindings.kind == "sequence" and bindings.items:
        return (_into_flow if bindings.flow else _into_block)(text, bindings, data)
    if root.flow:
        return text[: bindings.start] + f"[{in_one_line(data)}]" + text[bindings.end :]
    return _into_nothing(text, root, bindings, data)


def delete_binding(text: str, index: int) -> str:
    """Without one binding; comments above and below it stay, those in its own lines go with it."""
    key, bindings = _bindings(text)
    item = bindings.items[index]
    if bindings.flow:
        return _out_of_flow(text, bindings, index)
    start, end = _dash(text, bindings, item), line_end(text, item.tail)
    rest = text[:start] + text[end:]
    if len(bindings.items) > 1:
        return rest
    colon = re.compile(r"\s*:").match(text, key.end)
    if colon is None:
        raise CannotEdit("no colon stands behind `bindings`")
    return text[: colon.end()] + " []" + text[colon.end() : start] + text[end:]


def change_binding(text: str, index: int, key: str, value: Any) -> str:
    """With another `agent` or `priority` of one binding."""
    _, bindings = _bindings(text)
    item = bindings.items[index]
    if item.kind != "mapping":
        raise CannotEdit("the binding is an alias (*)")
    written, old = in_one_line(value), item.value(key)
    if old is not None:
        end = old.start + len(text[old.start : old.end].rstrip())  # a folded text reaches over blank lines
        return text[: old.start] + written + text[end:]
    if item.flow:
        return text[: item.items[-1].end] + f", {key}: {written}" + text[item.items[-1].end :]
    return _insert_lines(text, line_end(text, item.tail), [" " * item.items[0].column + f"{key}: {written}"])


def _bindings(text: str) -> tuple[Piece, Piece]:
    root = read_pieces(text)
    found = None if root is None else root.entry("bindings")
    if found is None or found[1].kind != "sequence":
        raise CannotEdit("`bindings` is not a list that is written out")
    return found


def _with_new_key(text: str, root: Piece, data: Mapping[str, Any]) -> str:
    if root.flow:
        before = ", " if root.items else ""
        at = root.items[-1].end if root.items else root.start + 1
        return f"{text[:at]}{before}bindings: [{in_one_line(data)}]{text[at:]}"
    margin = " " * root.column
    return _insert_lines(text, len(text), [f"{margin}bindings:", f"{margin}  - {in_one_line(data)}"])


def _into_nothing(text: str, root: Piece, bindings: Piece, data: Mapping[str, Any]) -> str:
    """The first binding, where `[]`, `null` or nothing stands."""
    head = text[: bindings.start].rstrip(" ") + text[bindings.end :]
    at = line_end(head, len(text[: bindings.start].rstrip(" ")))
    return _insert_lines(head, at, [f"{' ' * root.column}  - {in_one_line(data)}"])


def _into_block(text: str, bindings: Piece, data: Mapping[str, Any]) -> str:
    last = bindings.items[-1]
    margin = " " * bindings.column
    if last.kind == "mapping" and not last.flow:
        gap = " " * (last.items[0].column - bindings.column)
        first, *more = in_lines(data)
        lines = [f"{margin}-{gap[1:]}{first}", *(f"{margin}{gap}{line}" for line in more)]
    else:
        lines = [f"{margin}- {in_one_line(data)}"]
    return _insert_lines(text, line_end(text, last.tail), lines)


def _into_flow(text: str, bindings: Piece, data: Mapping[str, Any]) -> str:
    last, new = bindings.items[-1], in_one_line(data)
    comma = _comma(text, last.end, bindings.end)
    margin = text[line_start(text, last.start) : last.start]
    if margin.strip() or line_end(text, last.end) >= bindings.end:
        return f"{text[: last.end]}, {new}{text[last.end :]}"
    at = line_end(text, last.end)
    if comma is not None:
        return _insert_lines(text, max(at, line_end(text, comma)), [f"{margin}{new},"])
    return _insert_lines(f"{text[: last.end]},{text[last.end :]}", at + 1, [margin + new])


def _out_of_flow(text: str, bindings: Piece, index: int) -> str:
    item = bindings.items[index]
    behind = _comma(text, item.end, bindings.end)
    before = _comma(text, bindings.items[index - 1].end, item.start) if behind is None and index else None
    if behind is not None:
        text = text[:behind] + text[behind + 1 :]
    at, end = item.start, item.end
    if before is not None:
        gap = text[before + 1 : at]
        at = before if gap.isspace() and "\n" not in gap else at
        text, at, end = (text, at, end) if at == before else (text[:before] + text[before + 1 :], at - 1, end - 1)
    text = text[:at] + text[end:]
    line = slice(line_start(text, at), line_end(text, at))
    if not text[line].strip():
        return text[: line.start] + text[line.stop :]
    return text[:at] + text[at:].lstrip(" ") if text[at - 1 : at] in {" ", "["} else text


def _comma(text: str, start: int, stop: int) -> int | None:
    """Where the comma behind `start` stands, past blanks and comments."""
    blank = _COMMENT_OR_BLANK.match(text, start)
    at = start if blank is None else blank.end()
    return at if at < stop and text[at] == "," else None


def _dash(text: str, bindings: Piece, item: Piece) -> int:
    """The start of the line whose dash begins the item."""
    at = line_start(text, item.start)
    while text[at : at + bindings.column + 1] != " " * bindings.column + "-":
        if at <= bindings.start:
            raise CannotEdit("the dash of the binding is not found")
        at = line_start(text, at - 1)
    return at


def _insert_lines(text: str, at: int, lines: Sequence[str]) -> str:
    end = newline(text)
    before = end if at and text[at - 1] != "\n" else ""
    after = "" if before and at == len(text) else end
    return text[:at] + before + end.join(lines) + after + text[at:]
