"""What is wrong in a file that a person wrote, told so that the person finds and mends it."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. `line` and `column` count from 1; line 0 means the file (or `environment`) as a whole."""

    path: str
    line: int
    column: int
    message: str

    @override
    def __str__(self) -> str:
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        return f"{place}: {self.message}"


class FileFaults(Exception):
    """All that is wrong, file by file and in the order of each; `str` has one fault a line and holds no secret."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        faults = tuple(faults)
        paths = list(dict.fromkeys(fault.path for fault in faults))
        self.faults = tuple(sorted(faults, key=lambda fault: (paths.index(fault.path), fault.line, fault.column)))
        super().__init__(self.faults)

    @override
    def __str__(self) -> str:
        return "\n".join(map(str, self.faults))


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that was probably meant; None when none is similar."""
    spellings = {candidate.casefold(): candidate for candidate in words}
    close = difflib.get_close_matches(word.casefold(), spellings, 1)
    return spellings[close[0]] if close else None
