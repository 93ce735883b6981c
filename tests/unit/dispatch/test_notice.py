"""What a notice says of the result: as people read it, on platforms that know markdown and on those that do not."""

import pytest

from bot.dispatch.notice import SUMMARY_LENGTH, summary_of
from channels.discord.render import render_message as for_discord
from channels.markdown import convert_markdown, escape_markdown
from channels.message import Destination, OutboundMessage


@pytest.mark.parametrize(
    ("output", "summary"),
    [
        ("plain words, 2 * 3 * 4 and snake_case_name", "plain words, 2 * 3 * 4 and snake_case_name"),
        ("# Title\n\n**bold** and [link](https://example.org)", "Title\n\nbold and link"),
        ("```python\ndef f() -> int:\n    return 1\n```", "def f() -> int:\n    return 1"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_summary_shows_no_marks(output: str, summary: str) -> None:
    assert summary_of(output).strip() == summary


@pytest.mark.parametrize("before", range(SUMMARY_LENGTH - 6, SUMMARY_LENGTH + 1))
def test_no_mark_and_no_character_is_parted_by_the_cut(before: int) -> None:
    summary = summary_of("x" * before + " **" + "bold " * 200 + "end**")
    assert summary == ("x" * before + " " + "bold " * 200)[:SUMMARY_LENGTH]
    family = "👨‍👩‍👧"
    assert summary_of("x" * before + family * 9).replace(family, "").strip("x") == ""


def test_answer_that_opens_with_a_long_block_of_code_is_told_without_its_fence() -> None:
    assert summary_of("```text\n" + "word " * 5000 + "\n```") == ("word " * 100)[:SUMMARY_LENGTH]


def test_escaped_text_is_shown_as_it_is() -> None:
    text = r"📋 a_b_ *c* `d` [e](f) ~~g~~ \\ <b> &amp; || $x$"
    assert convert_markdown(escape_markdown(text))[0] == text
    (shown,) = for_discord(OutboundMessage(Destination("discord", "default", "1"), text))
    assert "\\_" in shown["content"]
