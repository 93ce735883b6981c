"""What a text is called where there is room for a few words, and whether it says anything at all. Pure."""

import unicodedata
from typing import Final

from channels.graphemes import beginning

TITLE_LENGTH: Final = 40  # characters
_UNSEEN: Final = frozenset({"Cc", "Cf", "Zl", "Zp", "Zs"})


def is_blank(text: str) -> bool:
    """Whether nobody would see anything of it: blanks, controls and signs without width."""
    return all(unicodedata.category(letter) in _UNSEEN for letter in text)


def title_of(text: str) -> str:
    """Its first line that says anything, cut at TITLE_LENGTH characters with none of them torn; empty for a blank."""
    line = next((line for line in text.splitlines() if not is_blank(line)), "")
    return beginning(" ".join(line.split()), TITLE_LENGTH).rstrip()
