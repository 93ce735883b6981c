"""The beginning of a markdown text that is still written, so that no half markup is seen. Pure."""

import re
from typing import Final

from channels.fences import find_fences

SIGN: Final = "…"
"""Stands at the end of what is still written."""

_HALF_FENCE: Final = re.compile(r"\n {0,3}(?:`{1,10}|~{1,10})$")
_HALF_MARK: Final = re.compile(r"(?<!~)~$")
_HALF_LINK: Final = re.compile(r"!?\[([^\[\]\n]*)(?:\](?:\([^()\s]*)?)?$")
_ESCAPED: Final = re.compile(r"\\.", re.DOTALL)
_BACKTICKS: Final = re.compile(r"`+")
_MARK: Final = re.compile(r"\*{1,3}|_{1,3}|~~|\|\|")


def presentable(text: str) -> str:
    """`text` with its open marks closed, or taken away where nothing stands behind them yet, and SIGN after it."""
    text = text.rstrip()
    last = None
    for fence in find_fences(text):
        last = fence
    if last is not None and last.end == len(text):
        return _in_fence(text, last.start, last.body, last.body_end, last.marks)
    start = max(text.rfind("\n\n") + 2 if "\n\n" in text else 0, 0 if last is None else last.end)
    closed = text[:start] + _closed(_HALF_MARK.sub("", _HALF_FENCE.sub("", text[start:])))
    return f"{closed.rstrip()} {SIGN}"


def _in_fence(text: str, start: int, body: int, body_end: int, marks: str) -> str:
    """For a text that ends with a block of code."""
    if body_end < len(text):  # the block is closed
        return f"{text}\n{SIGN}"
    if not text[body:].strip():
        return f"{text[:start].rstrip()} {SIGN}".lstrip()
    return f"{_HALF_FENCE.sub('', text)}\n{marks}\n{SIGN}"


def _closed(text: str) -> str:
    """One paragraph."""
    blank = _without_code(_ESCAPED.sub("  ", text))
    opening = _BACKTICKS.search(blank)
    if opening is not None:
        before, ending = _closed_marks(text[: opening.start()], blank[: opening.start()])
        code = text[opening.end() :].rstrip("`")
        return f"{text[: opening.start()]}{opening[0]}{code}{opening[0]}{ending}" if code.strip() else before
    link = _HALF_LINK.search(blank)
    if link is not None:
        first, last = link.span(1)
        text, blank = text[: link.start()] + text[first:last], blank[: link.start()] + blank[first:last]
    return _closed_marks(text, blank)[0]


def _without_code(text: str) -> str:
    """`text` with blanks in the place of code: a run of backticks ends at the next one of the same length."""
    runs = [run.span() for run in _BACKTICKS.finditer(text)]
    last = {end - start: number for number, (start, end) in enumerate(runs)}
    pieces, shown, number = list[str](), 0, 0
    while number < len(runs):
        start, end = runs[number]
        if last[end - start] > number:
            number = next(n for n in range(number + 1, len(runs)) if runs[n][1] - runs[n][0] == end - start)
            pieces += [text[shown:start], " " * (runs[number][1] - start)]
            shown = runs[number][1]
        number += 1
    return "".join([*pieces, text[shown:]])


def _closed_marks(text: str, blank: str) -> tuple[str, str]:
    """(text with its marks closed, the marks that close it). `blank`: the same length, without code and escapes."""
    opened: list[tuple[str, int]] = []
    for found in _MARK.finditer(blank):
        mark, before, after = found[0], blank[: found.start()][-1:], blank[found.end() :][:1]
        if opened and opened[-1][0] == mark and not before.isspace():
            opened.pop()
        elif not (after.isspace() or before.isdigit() or (mark[0] == "_" and before.isalnum())):
            opened.append((mark, found.end()))
    while opened and not text[opened[-1][1] :].strip():  # nothing stands behind it yet
        text = text[: opened[-1][1] - len(opened.pop()[0])]
    ending = "".join(mark for mark, _ in reversed(opened))
    return text.rstrip() + ending, ending
