"""Where a text may be parted without tearing what a reader takes for one character.

A short form of https://www.unicode.org/reports/tr29/#Grapheme_Cluster_Boundary_Rules: marks, joined emoji, skin tones,
flags, Hangul syllables and CR LF.
"""

import unicodedata
from typing import Final

_JOINER: Final = "\u200d"
_MARKS: Final = frozenset({"Mn", "Me", "Mc"})


def is_boundary(text: str, index: int, start: int = 0) -> bool:
    """True when no character of `text` reaches over `index`; `start` is a place that is known to be a boundary."""
    if not start < index < len(text):
        return True
    before, after = text[index - 1], text[index]
    if before.isascii() and after.isascii():
        return not (before == "\r" and after == "\n")
    if _extends(after) or before == _JOINER:
        return False
    if _is_flag_half(before) and _is_flag_half(after):
        return _flag_halves_before(text, index, start) % 2 == 0
    return not _is_syllable(before, after)


def beginning(text: str, most: int) -> str:
    """At most `most` characters from its start, of which none is torn that fits."""
    end = min(most, len(text))
    while not is_boundary(text, end):
        end -= 1
    return text[: end or most]


def _extends(letter: str) -> bool:
    code = ord(letter)
    return (
        letter == _JOINER
        or code == 0x200C
        or 0x1F3FB <= code <= 0x1F3FF  # skin tones
        or 0xE0020 <= code <= 0xE007F  # tags, as in the flag of Scotland
        or unicodedata.category(letter) in _MARKS
    )


def _is_flag_half(letter: str) -> bool:
    return "\U0001f1e6" <= letter <= "\U0001f1ff"


def _flag_halves_before(text: str, index: int, start: int) -> int:
    first = index
    while first > start and _is_flag_half(text[first - 1]):
        first -= 1
    return index - first


def _is_syllable(before: str, after: str) -> bool:
    """Hangul: leading letters, vowels and trailing letters that stand in one block."""
    if not "\u1100" <= before <= "\ud7ff":
        return False
    lead, vowel, trail = (
        "\u1100" <= before <= "\u115f" or "\ua960" <= before <= "\ua97c",
        "\u1160" <= before <= "\u11a7" or "\ud7b0" <= before <= "\ud7c6",
        "\u11a8" <= before <= "\u11ff" or "\ud7cb" <= before <= "\ud7fb",
    )
    block = "\uac00" <= before <= "\ud7a3"
    open_block = block and (ord(before) - 0xAC00) % 28 == 0
    to_vowel = "\u1160" <= after <= "\u11a7" or "\ud7b0" <= after <= "\ud7c6"
    to_trail = "\u11a8" <= after <= "\u11ff" or "\ud7cb" <= after <= "\ud7fb"
    to_lead_or_block = "\u1100" <= after <= "\u115f" or "\ua960" <= after <= "\ua97c" or "\uac00" <= after <= "\ud7a3"
    return (
        (lead and (to_lead_or_block or to_vowel))
        or ((vowel or open_block) and (to_vowel or to_trail))
        or ((trail or block) and to_trail)
    )
