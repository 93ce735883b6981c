"""Text as the full-text index knows it: words with blanks between them. Pure.

Chinese, Japanese and Korean do not part words, and SQLite's own tokenizers find nothing under three characters; so a
run of these characters becomes its overlapping pairs (我愛貓 → 我愛 愛貓 貓), with its last character alone, so
that one character can be found by the beginning of a word.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

_CJK: Final = (
    r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORDS: Final = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_IS_CJK: Final = re.compile(rf"[{_CJK}]")
WORD_CHARACTERS: Final = 40
"""Longer words are cut: they are keys and hashes, of which nobody asks for the end."""
MOST_ASKED: Final = 24


def index_words(text: str) -> str:
    """The words to store beside a text."""
    return " ".join(word for run in _runs(text) for word in _stored(run))


def asked_words(text: str) -> list[tuple[str, bool]]:
    """(word, is only the beginning) of what somebody looks for, each once, at most MOST_ASKED."""
    asked: dict[tuple[str, bool], None] = {}
    for run in _runs(text):
        if _IS_CJK.match(run):
            pairs = [(run[at : at + 2], False) for at in range(len(run) - 1)]
            asked.update(dict.fromkeys(pairs or [(run, True)]))
        else:
            asked[run, False] = None
    return list(asked)[:MOST_ASKED]


def _runs(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    for found in _WORDS.finditer(plain):
        run = found[0]
        yield run if _IS_CJK.match(run) else run[:WORD_CHARACTERS]


def _stored(run: str) -> Iterator[str]:
    if not _IS_CJK.match(run):
        yield run
        return
    for at in range(len(run) - 1):
        yield run[at : at + 2]
    yield run[-1]
