"""One thing remembered, and how near it comes to what somebody asks. Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from bot.memory.words import asked_words, index_words

Kind = Literal["said", "note"]
How = Literal["all", "phrase", "start"]
Search = tuple[How, str]
"""All of the words, the words as a phrase, or the start of a word."""

# The usual figures of BM25 (Robertson and Zaragoza, The Probabilistic Relevance Framework, 2009).
_SATURATION: Final = 1.2
_LENGTH_WEIGHT: Final = 0.75
_USUAL_WORDS: Final = 40
_HALF_LIFE: Final = timedelta(days=30)
_NOTE_WEIGHT: Final = 1.5
_PHRASE_WEIGHT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Memory:
    """`speaker` is who said it, None the agent. `score` grows with how well it fits."""

    id: int
    kind: Kind
    speaker: str | None
    text: str
    created: datetime
    score: float = 0.0


def searches_for(query: str) -> list[Search]:
    """What to look for: everything at once, each run of characters as it stands, and each word by itself."""
    asked = asked_words(query)
    whole = [word for word, is_start in asked if not is_start]
    searches: list[Search] = [("start" if is_start else "phrase", word) for word, is_start in asked]
    if len(whole) > 1:
        searches += [("all", " ".join(whole))]
        searches += [("phrase", run) for run in _runs(query, set(whole))]
    return searches


def weigh(searches: Sequence[Search], found: Sequence[Sequence[int]], most: int) -> Mapping[Search, float]:
    """How much each search tells: rare words more than frequent ones.

    `found` are the newest ids of each search, at most `most`. Where there may be more, their number is estimated
    from how closely the newest ones follow each other.
    """
    newest = max((ids[0] for ids in found if ids), default=1)
    weights = {}
    for search, ids in zip(searches, found, strict=True):
        hits = len(ids) if len(ids) < most else len(ids) * newest / (newest - ids[-1] + 1)
        rarity = math.log(1 + (newest - hits + 0.5) / (hits + 0.5))
        weights[search] = max(0.0, rarity) * (_PHRASE_WEIGHT if " " in search[1] else 1.0)
    return weights


def choose(searches: Sequence[Search], found: Sequence[Sequence[int]], weights: Mapping[Search, float]) -> list[int]:
    """The ids found, those that most and rarest searches found first; the newest among equals."""
    scores: dict[int, float] = defaultdict(float)
    for search, ids in zip(searches, found, strict=True):
        for each in ids:
            scores[each] += weights[search]
    return sorted(scores, key=lambda each: (scores[each], each), reverse=True)


def score(memory: Memory, weights: Mapping[Search, float], now: datetime) -> float:
    """BM25 over the words of the memory, raised for notes and for what is new."""
    words = index_words(memory.text).split()
    counts, running = Counter(words), f" {' '.join(words)} "
    total = 0.0
    for (how, asked), weight in weights.items():
        if how == "start":
            count = sum(number for word, number in counts.items() if word.startswith(asked))
        elif how == "phrase":
            count = counts[asked] or running.count(f" {asked} ")
        else:
            count = int(all(word in counts for word in asked.split()))
        length = 1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * len(words) / _USUAL_WORDS
        total += weight * count * (_SATURATION + 1) / (count + _SATURATION * length)
    age = max(timedelta(), now - memory.created) / _HALF_LIFE
    return total * (1 + 0.5 * math.pow(0.5, age)) * (_NOTE_WEIGHT if memory.kind == "note" else 1.0)


def _runs(query: str, whole: set[str]) -> list[str]:
    """Neighbouring words of the query that must stand together: the pairs of one Chinese run."""
    words, runs = index_words(query).split(), list[list[str]]()
    for before, word in zip(["", *words], words, strict=False):
        if word not in whole:
            continue
        if runs and len(word) == 2 and before and word[0] == before[-1] and runs[-1][-1] == before:
            runs[-1].append(word)
        else:
            runs.append([word])
    return list(dict.fromkeys(" ".join(run) for run in runs if len(run) > 1))
