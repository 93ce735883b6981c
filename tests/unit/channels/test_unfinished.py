"""What is shown of a text that is still written: no mark stays open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.message import Destination, OutboundMessage
from channels.telegram.render import render_message
from channels.unfinished import SIGN, presentable
from tests.effort import grows_no_faster

PIECES = st.sampled_from(
    ["**", "*", "__", "_", "~~", "||", "`", "```", "```py\n", "\n", "\n\n", "[", "](", ")", "\\", " ", "a", "字", "1"]
)


LETTERS = {"a", "字", "1"}


@pytest.mark.parametrize(
    ("beginning", "shown"),
    [
        ("plain words", "plain words …"),
        ("a **bold wo", "a **bold wo** …"),
        ("a **bold words*", "a **bold words** …"),
        ("a **", "a …"),
        ("this *and **that", "this *and **that*** …"),
        ("~~gone", "~~gone~~ …"),
        ("||hidden", "||hidden|| …"),
        ("run `make te", "run `make te` …"),
        ("run `", "run …"),
        ("**run `make", "**run `make`** …"),
        ("see [the docs](https://exa", "see the docs …"),
        ("see [the do", "see the do …"),
        ("```py\nprint(1)", "```py\nprint(1)\n```\n…"),
        ("```py\nprint(1)\n``", "```py\nprint(1)\n```\n…"),
        ("```py\nprint(1)\n```", "```py\nprint(1)\n```\n…"),
        ("so:\n\n```py", "so: …"),
        ("2 * 3 and 4*5", "2 * 3 and 4*5 …"),
        ("snake_case_name", "snake_case_name …"),
        ("\\*no mark", "\\*no mark …"),
        ("**one** and `two`", "**one** and `two` …"),
        ("an *old one\n\nand a new", "an *old one\n\nand a new …"),
    ],
)
def test_open_marks_are_closed_or_taken_away(beginning: str, shown: str) -> None:
    assert presentable(beginning) == shown


@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_beginning_ends_with_the_sign_and_says_nothing_of_its_own(text: str) -> None:
    shown = presentable(text)
    assert shown.endswith(SIGN)
    rest = iter(text)
    assert all(letter in rest for letter in shown if letter in LETTERS)


def test_telegram_shows_no_mark_of_a_beginning() -> None:
    text = "Take **this `code` and [the *link*](https://example.org/a) with ~~care~~**, then:\n\n```sh\nmake all\n```\n"
    there = Destination("telegram", "default", "1")
    for length in range(1, len(text)):
        for part in render_message(OutboundMessage(there, text[:length], "markdown", unfinished=True)):
            assert not set("*`~[]") & set(part["text"]), text[:length]


@pytest.mark.no_cover
def test_backticks_without_a_partner_are_looked_at_once() -> None:
    def cost(length: int) -> None:
        presentable(" ".join("`" * count for count in range(1, length)))

    assert grows_no_faster(cost, 100, 400, times=40)  # 16 times the text; a search for each run would be 64
