"""Parting a text that is longer than a platform takes.

A part ends, as far as possible, between paragraphs, else lines, sentences, words, and at least between characters as
a reader sees them. Links and blocks of code stay whole where they fit into one part. No character but white space at
the seams is lost, and every part fits.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Final, Literal

from channels.fences import Fence, find_fences
from channels.graphemes import is_boundary
from channels.message import JsonObject

Unit = Literal["utf16", "characters", "bytes"]
Span = tuple[int, int]
"""Start and end in characters of a text."""

SMALLEST_LIMIT: Final = 4  # bytes of the longest character
_LINK: Final = re.compile(r"https?://[^\s<>\"'，。；：！？、（）「」『』【】]+")
_SENTENCE_END: Final = re.compile(r"[。！？…]+[\"'」』”’）】]*|(?<![.!?])[.!?]++[\"')\]”’]*+(?=\s)")
_NEVER_FIRST: Final = frozenset("，。；：！？、…）」』】》〉”’")
_NEVER_LAST: Final = frozenset("（「『【《〈“‘")
_WHOLE_ENTITIES: Final = frozenset({"pre", "code", "text_link"})


def split_text(text: str, limit: int, unit: Unit) -> list[str]:
    """Parts of at most `limit` units; none when there is nothing but white space. ValueError below SMALLEST_LIMIT."""
    ruler = Ruler(text, unit)
    fences = ((fence.start, fence.end) for fence in find_fences(text))
    return [text[start:end] for start, end in _split(ruler, limit, [*_links(text), *fences])]


def split_markdown(text: str, limit: int, unit: Unit) -> list[str]:
    """Like `split_text`, but a block of code that has to be parted is closed at the seam and opened anew after it."""
    ruler = Ruler(text, unit)
    fences = list(find_fences(text))
    if not fences or ruler.size(0, len(text)) <= limit:
        return split_text(text, limit, unit)
    seam = max(Ruler(f"{fence.opening}\n\n{fence.marks}", unit).total for fence in fences)
    if limit - seam < SMALLEST_LIMIT:
        return split_text(text, limit, unit)
    whole = [span for fence in fences for span in _unbroken(fence)]
    spans = _split(ruler, limit - seam, [*_links(text), *whole])
    return [_reopened(fences, start) + text[start:end] + _closed(fences, end) for start, end in spans]


def split_entities(text: str, entities: Iterable[JsonObject], limit: int) -> list[tuple[str, list[dict[str, Any]]]]:
    """Parts of at most `limit` UTF-16 units, each with its share of `entities`.

    Entities are Telegram's (https://core.telegram.org/bots/api#messageentity), their `offset` and `length` in UTF-16
    units; those that reach over a seam appear on both sides of it.
    """
    ruler = Ruler(text, "utf16")
    entities = list(entities)
    whole = [
        (ruler.index(entity["offset"]), ruler.index(entity["offset"] + entity["length"]))
        for entity in entities
        if entity["type"] in _WHOLE_ENTITIES
    ]
    spans = _split(ruler, limit, [*_links(text), *whole])
    parts: list[tuple[str, list[dict[str, Any]]]] = [(text[start:end], []) for start, end in spans]
    units = [(ruler.size(0, start), ruler.size(0, end)) for start, end in spans]
    ends = [end for _, end in units]
    for entity in entities:
        first, last = entity["offset"], entity["offset"] + entity["length"]
        number = bisect_right(ends, first)
        while number < len(units) and units[number][0] < last:
            start, end = units[number]
            begin = max(first, start)
            if min(last, end) > begin:
                parts[number][1].append({**entity, "offset": begin - start, "length": min(last, end) - begin})
            number += 1
    return parts


class Ruler:
    """Measures a text in a unit."""

    def __init__(self, text: str, unit: Unit) -> None:
        self.text = text
        self._ends: list[int] | None = None
        if unit != "characters" and not text.isascii():
            width = _utf16_width if unit == "utf16" else _utf8_width
            self._ends = list(accumulate(map(width, text), initial=0))

    @property
    def total(self) -> int:
        return self.size(0, len(self.text))

    def size(self, start: int, end: int) -> int:
        """Units of text[start:end]."""
        return end - start if self._ends is None else self._ends[end] - self._ends[start]

    def reach(self, start: int, limit: int) -> int:
        """The greatest end with which text[start:end] has at most `limit` units."""
        if self._ends is None:
            return min(start + limit, len(self.text))
        return bisect_right(self._ends, self._ends[start] + limit) - 1

    def index(self, units: int) -> int:
        """Where the text's first `units` units end, in characters; the end for more than there are."""
        return min(units if self._ends is None else bisect_left(self._ends, units), len(self.text))


def _utf16_width(letter: str) -> int:
    return 2 if letter > "\uffff" else 1


def _utf8_width(letter: str) -> int:
    return 1 if letter < "\x80" else 2 if letter < "\u0800" else 3 if letter < "\U00010000" else 4


def _links(text: str) -> Iterator[Span]:
    return (match.span() for match in _LINK.finditer(text)) if "://" in text else iter(())


def _split(ruler: Ruler, limit: int, whole: Iterable[Span]) -> list[Span]:
    """The parts, in order, each with a visible character in it; `whole` are kept together where they fit."""
    if limit < SMALLEST_LIMIT:
        raise ValueError(f"a part must hold at least {SMALLEST_LIMIT} units")
    text = ruler.text
    kept = _Kept(span for span in whole if ruler.size(*span) <= limit)
    spans: list[Span] = []
    start = _next_start(text, 0)
    while start < len(text):
        end = ruler.reach(start, limit)
        cut = end if end == len(text) else _cut(text, start, end, kept)
        visible = start + len(text[start:cut].rstrip())
        if visible > start:
            spans.append((start, visible))
        start = _next_start(text, cut)
    return spans


def _next_start(text: str, index: int) -> int:
    """Past the white space at `index`, but for the indentation of the line that follows."""
    start = index
    while index < len(text) and text[index].isspace():
        index += 1
        if text[index - 1] in "\r\n":
            start = index
    begins_line = start == 0 or text[start - 1] in "\r\n"
    return start if begins_line and index < len(text) else index


class _Kept:
    """Spans that are not to be cut, joined where they overlap."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in sorted(spans):
            if self._ends and start < self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._starts.append(start)
                self._ends.append(end)

    def before(self, index: int) -> int:
        """`index`, or the start of the span that it would cut."""
        number = bisect_left(self._starts, index) - 1
        return self._starts[number] if number >= 0 and index < self._ends[number] else index


def _cut(text: str, start: int, end: int, kept: _Kept) -> int:
    """The best place in (start, end] to end a part that began at `start`."""
    last = kept.before(end)
    if last <= start:  # spans that overlap and together are longer than a part
        last, kept = end, _Kept(())
    middle = start + (last - start) // 2  # a nicer seam is not worth a part that is half empty
    for places in (
        _paragraphs(text, middle, last),
        _lines(text, middle, last),
        _sentences(text, middle, last),
        _words(text, start, last),
        range(last, start, -1),
    ):
        for place in places:
            if kept.before(place) == place and is_boundary(text, place, start):
                return place
    return last


# Each of these gives places in (low, high], the last one first.


def _paragraphs(text: str, low: int, high: int) -> Iterator[int]:
    return _occurrences(text, "\n\n", low, high)


def _lines(text: str, low: int, high: int) -> Iterator[int]:
    return _occurrences(text, "\n", low, high)


def _occurrences(text: str, separator: str, low: int, high: int) -> Iterator[int]:
    place = text.rfind(separator, low + 1, high + len(separator))
    while place != -1:
        yield place
        place = text.rfind(separator, low + 1, place + len(separator) - 1)


def _sentences(text: str, low: int, high: int) -> Iterator[int]:
    ends = [match.end() for match in _SENTENCE_END.finditer(text, low, high + 1)]
    return (end for end in reversed(ends) if low < end <= high)


def _words(text: str, low: int, high: int) -> Iterator[int]:
    return (place for place in range(high, low, -1) if _parts_words(text[place - 1], text[place]))


def _parts_words(before: str, after: str) -> bool:
    if before.isspace() or after.isspace():
        return True
    return (_is_ideograph(before) or _is_ideograph(after)) and after not in _NEVER_FIRST and before not in _NEVER_LAST


def _is_ideograph(letter: str) -> bool:
    """Scripts written without spaces between words: Chinese and Japanese, with their punctuation."""
    return (
        "\u2e80" <= letter <= "\u9fff"
        or "\uf900" <= letter <= "\ufaff"
        or "\uff00" <= letter <= "\uffef"
        or "\U00020000" <= letter <= "\U0003ffff"
    )


def _unbroken(fence: Fence) -> Iterator[Span]:
    """The block; should it not fit, its first line with a character of what follows, and its last with one before."""
    yield fence.start, fence.end
    yield fence.start, min(fence.body + 2, fence.end)
    yield max(fence.body_end - 2, fence.start), fence.end


def _reopened(fences: Sequence[Fence], start: int) -> str:
    """What a part that begins at `start` needs before it."""
    number = bisect_right(fences, start, key=lambda fence: fence.start) - 1
    if number < 0 or not fences[number].start < start <= fences[number].body_end:
        return ""
    return f"{fences[number].opening}\n"


def _closed(fences: Sequence[Fence], end: int) -> str:
    """What a part that ends at `end` needs after it."""
    number = bisect_left(fences, end, key=lambda fence: fence.start) - 1
    if number < 0 or end >= fences[number].end:
        return ""
    return f"\n{fences[number].marks}"
