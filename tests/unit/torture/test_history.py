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
        (GOOD[1:], "chat 1 lacks echo of q0"),
        (GOOD[:1] + GOOD[2:], "chat 9 lacks accepted of q3"),
        (GOOD[:-1], "chat 9 lacks notice of q3"),
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


GAVE_UP_TASK = Admitted(gave_up=frozenset({(9, TASK.text)}))
WITHOUT_TASK = [GOOD[0], *GOOD[2:-1]]


@pytest.mark.parametrize(
    "told",
    [[Shown(9, GAVE_UP)], [Shown(9, f"{LABEL}\n{GAVE_UP}")], [Shown(9, GAVE_UP), Shown(9, f"{LABEL}\n{GAVE_UP}")]],
)
def test_a_task_that_was_given_up_owes_neither_its_acceptance_nor_its_notice(told: list[Shown]) -> None:
    assert violations(ALL, [*WITHOUT_TASK, *told], GAVE_UP_TASK) == []


@pytest.mark.parametrize(
    ("shown", "admitted", "words"),
    [
        (WITHOUT_TASK, GAVE_UP_TASK, "chat 9 was told of 0 failures of 1"),
        ([*WITHOUT_TASK, Shown(9, GAVE_UP), Shown(9, GAVE_UP)], GAVE_UP_TASK, "the database knows of 1"),
        ([*GOOD, Shown(9, GAVE_UP)], GAVE_UP_TASK, "has an answer to q3, which was given up"),
        ([*GOOD[1:], Shown(1, GAVE_UP)], GAVE_UP_TASK, "chat 1 lacks echo of q0"),
    ],
)
def test_what_was_given_up_excuses_itself_alone(shown: list[Shown], admitted: Admitted, words: str) -> None:
    assert any(words in line for line in violations(ALL, shown, admitted))
