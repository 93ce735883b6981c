"""The history checker sees what it is there to see."""

import pytest

from tests.torture.history import ACCEPTED, DONE, GAVE_UP, LABEL, Admitted, Said, Shown, violations

QUESTION, SECOND, LONG, TASK = Said(1, "q0", 1), Said(1, "q1", 1), Said(1, "q2", 4), Said(9, "q3", 0)
ALL = [QUESTION, SECOND, LONG, TASK]
GOOD = [
    Shown(1, "q0.0"),
    Shown(9, f"{ACCEPTED}q3\nbye"),
    Shown(1, "q1.0"),
    Shown(1, "q2.0 q2.1"),
    Shown(1, "q2.2 q2.3"),
    Shown(9, f"{DONE}\n\n📋 任務：q3\n"),
]
COPY = Shown(1, f"{LABEL}\nq1.0")


@pytest.mark.parametrize(
    "shown",
    [
        GOOD,
        [*GOOD[:-1], Shown(9, "❌ Kimi 任務失敗：q3\n")],
        [*GOOD, COPY],
        [*GOOD[:2], COPY, *GOOD[3:]],
        [*GOOD, COPY, COPY],
    ],
)
def test_everything_once_and_labelled_copies_are_right(shown: list[Shown]) -> None:
    assert violations(ALL, shown, Admitted()) == []


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (GOOD[1:], "chat 1 lacks 1 answers"),
        (GOOD[:1] + GOOD[2:], "chat 9 lacks 1 answers"),
        (GOOD[:-1], "chat 9 lacks 1 answers"),
        ([*GOOD[:4], GOOD[5]], "only a part of the answer to q2"),
        ([*GOOD, GOOD[2]], "2 times without a label"),
        ([GOOD[2], GOOD[0], *GOOD[3:], GOOD[1]], "shows q0.0 after a later one"),
        ([*GOOD[:3], GOOD[4], GOOD[3], GOOD[5]], "shows q2.0 after a later one"),
        ([*GOOD, Shown(1, "something else")], "what nobody asked for"),
        ([*GOOD[1:], Shown(2, "q0.0")], "what nobody asked for"),
        ([*GOOD, Shown(1, GAVE_UP)], "was told of 1 failures"),
    ],
)
def test_each_kind_of_wrong_is_seen(shown: list[Shown], words: str) -> None:
    assert any(words in line for line in violations(ALL, shown, Admitted()))


def test_what_the_database_admits_is_visible_and_not_lost() -> None:
    assert violations(ALL, GOOD[1:], Admitted(undelivered=frozenset({(1, "q0.0")}))) == []
    assert violations(ALL, [*GOOD[1:], Shown(1, GAVE_UP)], Admitted(gave_up=((1, 1),))) == []
