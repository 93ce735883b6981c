"""A road in words: for its owner with every fact, for others without the names of what works inside."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from bot import words
from bot.reasons import meaning_of
from bot.trace.store import Passage, RoadTaken

Say = Callable[[str], str]
"""A word in the reader's language."""

_INSIDE: Final = frozenset({"binding", "session", "model"})
_PLAIN: Final = frozenset({"step", "code", "after_ms"})


def tell_road(road: RoadTaken, say: Say, *, full: bool) -> Sequence[str]:
    """One line a step, then how it ended and what became of the answer. Not `full`: nothing about the inside."""
    return list(_lines(road, say, full=full))


def _lines(road: RoadTaken, say: Say, *, full: bool) -> Iterator[str]:
    told: str | None = None
    for step in road.steps:
        if full or step["step"] not in _INSIDE:
            told = step["code"]
            facts = _facts(step) if full else ""
            yield f"{_word(words.ROAD_STEPS, step['step'], say)}: {_meaning(step['code'], say)}{facts}"
    if road.reason is not None and road.reason != told:
        detail = f" ({road.reason})" if full else ""
        yield f"{say(words.STEP_END)}: {_meaning(road.reason, say)}{detail}"
    for passage in road.deliveries:
        yield f"{say(words.STEP_DELIVERY)}: {_delivery(passage, say, full=full)}"


def _delivery(passage: Passage, say: Say, *, full: bool) -> str:
    text = _word(words.DELIVERY_STATES, passage.state, say)
    if passage.state != "sent" and meaning_of(passage.reason) is not None:
        text = f"{text} {_meaning(passage.reason or '', say)}"
    if full:
        facts = {
            "id": passage.id,
            "attempts": passage.attempts,
            "message": passage.message_id,
            "reason": passage.reason,
        }
        text += _facts(facts)
    return text


def _facts(facts: Mapping[str, Any]) -> str:
    told = [f"{name}={value}" for name, value in facts.items() if name not in _PLAIN and value is not None]
    return f" [{', '.join(told)}]" if told else ""


def _meaning(reason: str, say: Say) -> str:
    meaning = meaning_of(reason)
    return reason if meaning is None else say(meaning)


def _word(known: Mapping[str, str], name: str, say: Say) -> str:
    return say(known[name]) if name in known else name
