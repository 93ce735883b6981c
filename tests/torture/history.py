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
    """What the database says was not, or perhaps not, delivered: (chat, text) of failed and unknown rows, and of the
    questions that were given up."""

    undelivered: frozenset[tuple[int, str]] = frozenset()
    gave_up: frozenset[tuple[int, str]] = frozenset()


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
        *_failures_told(shown, admitted),
        *_out_of_order(said, shown),
    ]


def possible_duplicates(shown: Sequence[Shown]) -> int:
    """How many messages say that they may be copies."""
    return sum(LABEL in each.text for each in shown)


def unlabelled(text: str) -> tuple[str, bool]:
    """The text itself, and whether it said that it may be a copy."""
    return text.removeprefix(LABEL).lstrip("\n"), text.startswith(LABEL)


def _strange_or_doubled(said: Sequence[Said], shown: Sequence[Shown], admitted: Admitted) -> Iterator[str]:
    asked = {each.key: each for each in said}
    plain: Counter[tuple[int, object]] = Counter()
    for each in shown:
        text, labelled = unlabelled(each.text)
        if text == GAVE_UP:
            continue
        piece = _piece(text)
        question = None if piece is None else asked.get(piece.key)
        if question is None or question.chat != each.chat:
            yield f"chat {each.chat} shows what nobody asked for: {each.text[:60]!r}"
        plain[each.chat, piece] += not labelled
    for (chat, thing), times in plain.items():
        if times > 1:
            yield f"chat {chat} shows {thing} {times} times without a label"


def _missing(said: Sequence[Said], shown: Sequence[Shown], admitted: Admitted) -> Iterator[str]:
    seen = {(each.chat, _piece(unlabelled(each.text)[0])) for each in shown}
    seen |= {(chat, _piece(text)) for chat, text in admitted.undelivered}
    pieces: dict[tuple[int, str, Answer], set[int]] = defaultdict(set)
    for chat, piece in seen:
        if piece is not None:
            pieces[chat, piece.key, piece.answer] |= set(range(piece.first, piece.last + 1))
    for question in said:
        wanted: tuple[Answer, ...] = ("echo",) if question.words else ("accepted", "notice")
        there = {answer: pieces.get((question.chat, question.key, answer), set()) for answer in wanted}
        if (question.chat, question.text) in admitted.gave_up:
            if any(there.values()):
                yield f"chat {question.chat} has an answer to {question.key}, which was given up"
            continue
        for answer, numbers in there.items():
            if not numbers:
                yield f"chat {question.chat} lacks {answer} of {question.key}"
            elif numbers != set(range(question.words or 1)):
                yield f"chat {question.chat} has only a part of the answer to {question.key}"


def _failures_told(shown: Sequence[Shown], admitted: Admitted) -> Iterator[str]:
    """Whoever's question was given up is told so, once for each."""
    given_up = Counter(chat for chat, _ in admitted.gave_up)
    plain: Counter[int] = Counter()
    copies: Counter[int] = Counter()
    for each in shown:
        text, labelled = unlabelled(each.text)
        if text == GAVE_UP:
            (copies if labelled else plain)[each.chat] += 1
    for chat in given_up.keys() | plain.keys():
        if plain[chat] > given_up[chat]:
            yield f"chat {chat} was told of {plain[chat]} failures, the database knows of {given_up[chat]}"
        if plain[chat] + copies[chat] < given_up[chat] and (chat, GAVE_UP) not in admitted.undelivered:
            yield f"chat {chat} was told of {plain[chat] + copies[chat]} failures of {given_up[chat]}"


def _out_of_order(said: Sequence[Said], shown: Sequence[Shown]) -> Iterator[str]:
    """Answers of one chat come in the order of its questions, parts in their own; tasks run beside them."""
    place = {each.key: number for number, each in enumerate(said)}
    last: dict[int, tuple[int, int]] = {}
    for each in shown:
        text, labelled = unlabelled(each.text)
        piece = _piece(text)
        if labelled or piece is None or piece.answer != "echo":
            continue
        here = place.get(piece.key, -1), piece.first
        if here < last.get(each.chat, (-1, -1)):
            yield f"chat {each.chat} shows {piece.key}.{piece.first} after a later one"
        last[each.chat] = here


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
