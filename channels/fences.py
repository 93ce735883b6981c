"""Fenced code in markdown (https://spec.commonmark.org/0.31.2/#fenced-code-blocks)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_LINE: Final = re.compile(r" {0,3}(?P<marks>`{3,10}(?!`)|~{3,10}(?!~))(?P<info>.*)")
_LANGUAGE_LENGTH: Final = 20


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code: text[start:end] from its first mark to the end of its last line, both without the newline.

    The code itself is text[body:body_end], with the newlines around it.
    """

    start: int
    body: int
    body_end: int
    end: int
    marks: str
    language: str

    @property
    def opening(self) -> str:
        """A line that opens such a block anew."""
        return self.marks + self.language


def find_fences(text: str) -> Iterator[Fence]:
    """In order. A block that is never closed reaches to the end of the text."""
    if "```" not in text and "~~~" not in text:
        return
    opened: tuple[int, int, str, str] | None = None
    start = 0
    for line in text.split("\n"):
        content = line.rstrip("\r")
        end = start + len(content)
        found = _LINE.fullmatch(content)
        if found is not None:
            marks, info = found["marks"], found["info"].strip()
            if opened is None:
                if "`" not in info or marks[0] == "~":
                    opened = (start, end, marks, info.split(maxsplit=1)[0][:_LANGUAGE_LENGTH] if info else "")
            elif not info and marks[0] == opened[2][0] and len(marks) >= len(opened[2]):
                yield Fence(opened[0], opened[1], start, end, opened[2], opened[3])
                opened = None
        start += len(line) + 1
    if opened is not None:
        yield Fence(opened[0], opened[1], len(text), len(text), opened[2], opened[3])
