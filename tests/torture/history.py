"""The history checker: what people asked, what the platform showed them, what the bot's database admits.

Each thing that was asked for has its answer once, whole and in order; a copy says that it may be one; what is missing
is a dead letter or a held row that a person can see. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

LABEL = "（這則訊息你可能已經收過了）"
GAVE_UP = "我這邊出了點問題，請再試一次。"
ACCEPTED = "✅ Kimi 任務已派發："
DONE = "✅ Kimi 任務完成！"
FAILED = "❌ Kimi 任務失敗："
TASK = "📋 任務："

Answer = Literal["echo", "accepted", "notice"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a person wrote. `key` occurs in no other text; `words` is how many words of the form `<key>.<number>` the
    answer repeats, 0 for a task."""

    chat: int
    key: str
    words: int

    @property
    def text(self) -> str:
        return " ".join(f"{self.key}.{number}" for number in range(self.words)) if self.words else f"Kimi: {self.key}"


@dataclass(frozen=True, slots=True)
class Shown:
    """One message of the bot, as the person sees it."""

    chat: int
    text: str


@dataclass(frozen=True, slots=True)
class Admitted:
    """What the database says was not, or perhaps not, delivered: (chat, text) of failed and unknown rows, and how many
    questions each chat had given up on."""

    undelivered: frozenset[tuple[int, str]] = frozenset()
    gave_up: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of an answer: words `first` to `last` of `key`."""

    answer: Answer
    key: str
    first: int
    last: int


def violations(said: Sequence[Said], shown: Sequence[Shown], admitted: Admitted) -> list[str]:
    """What went wrong, a line each; empty: nothing."""
    return [
        *_strange_or_doubled(said, shown, admitted),
        *_missing(said, shown, admitted),
        *_out_of_order(said, shown),
    ]


def possible_duplicates(shown: Sequence[Shown]) -> int:
    """How many messages say that they may be copies."""
    return sum(LABEL in each.text for each in shown)


def _strange_or_doubled(said: Sequence[Said], shown: Sequence[Shown], admitted: Admitted) -> Iterator[str]:
    asked = {each.key: each for each in said}
    plain: Counter[tuple[int, object]] = Counter()
    gave_up: Counter[int] = Counter()
    for each in shown:
        text, labelled = _unlabelled(each.text)
        if text == GAVE_UP:
            gave_up[each.chat] += not labelled
            continue
        piece = _piece(text)
        question = None if piece is None else asked.get(piece.key)
        if question is None or question.chat != each.chat:
            yield f"chat {each.chat} shows what nobody asked for: {each.text[:60]!r}"
        plain[each.chat, piece] += not labelled
    for (chat, thing), times in plain.items():
        if times > 1:
            yield f"chat {chat} shows {thing} {times} times without a label"
    for chat, times in gave_up.items():
        if times > dict(admitted.gave_up).get(chat, 0):
            yield f"chat {chat} was told of {times} failures, the database knows fewer"


def _missing(said: Sequence[Said], shown: Sequence[Shown], admitted: Admitted) -> Iterator[str]:
    seen = {(each.chat, _piece(_unlabelled(each.text)[0])) for each in shown}
    seen |= {(chat, _piece(text)) for chat, text in admitted.undelivered}
    pieces: dict[tuple[int, str, Answer], set[int]] = defaultdict(set)
    for chat, piece in seen:
        if piece is not None:
            pieces[chat, piece.key, piece.answer] |= set(range(piece.first, piece.last + 1))
    lacking: Counter[int] = Counter()
    for question in said:
        wanted: tuple[Answer, ...] = ("echo",) if question.words else ("accepted", "notice")
        for answer in wanted:
            there = pieces.get((question.chat, question.key, answer), set())
            if not there:
                lacking[question.chat] += 1
            elif there != set(range(question.words or 1)):
                yield f"chat {question.chat} has only a part of the answer to {question.key}"
    for chat, times in lacking.items():
        if times > dict(admitted.gave_up).get(chat, 0):
            yield f"chat {chat} lacks {times} answers, the database knows of {dict(admitted.gave_up).get(chat, 0)}"


def _out_of_order(said: Sequence[Said], shown: Sequence[Shown]) -> Iterator[str]:
    """Answers of one chat come in the order of its questions, parts in their own; tasks run beside them."""
    place = {each.key: number for number, each in enumerate(said)}
    last: dict[int, tuple[int, int]] = {}
    for each in shown:
        text, labelled = _unlabelled(each.text)
        piece = _piece(text)
        if labelled or piece is None or piece.answer != "echo":
            continue
        here = place.get(piece.key, -1), piece.first
        if here < last.get(each.chat, (-1, -1)):
            yield f"chat {each.chat} shows {piece.key}.{piece.first} after a later one"
        last[each.chat] = here


def _unlabelled(text: str) -> tuple[str, bool]:
    return text.removeprefix(LABEL).lstrip("\n"), text.startswith(LABEL)


def _piece(text: str) -> _Piece | None:
    """What part of which answer this is; None for other words."""
    first, *lines = text.split("\n")
    if first.startswith(ACCEPTED):
        return _Piece("accepted", first.removeprefix(ACCEPTED), 0, 0)
    if first.startswith(FAILED):  # a task whose process died time and again
        return _Piece("notice", first.removeprefix(FAILED), 0, 0)
    if first == DONE:
        return _Piece("notice", next(line.removeprefix(TASK) for line in lines if line.startswith(TASK)), 0, 0)
    words = [word.partition(".") for word in text.split()]
    keys = {key for key, _, _ in words}
    numbers = [int(number) for _, _, number in words if number.isdecimal()]
    if len(keys) != 1 or len(numbers) != len(words) or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        return None
    return _Piece("echo", keys.pop(), numbers[0], numbers[-1])
