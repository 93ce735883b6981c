"""Parting texts: nothing is lost, everything fits, and the seams are where a reader would put them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.chunking import SMALLEST_LIMIT, Unit, split_entities, split_markdown, split_text
from channels.fences import find_fences
from channels.graphemes import is_boundary
from channels.utf16 import utf16_length, utf16_slice
from tests.effort import grows_no_faster

FAMILY = "👨‍👩‍👧‍👦"
SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
JAMO = "\u1100\u1161\u11a8"
PIECES = [
    "word", " ", "\n", "\n\n", "中文", "。", "！", ". ", "? ", FAMILY, "👍🏽", "🇹🇼", SCOTLAND, JAMO, "e\u0301", "1️⃣",
    "https://example.org/a_b?c=d", "```\n", "```python\n", "~~~\n", "\t", "    ", "\r\n", "\u2028", "x" * 30,
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join)
units: st.SearchStrategy[Unit] = st.sampled_from(["utf16", "characters", "bytes"])
limits = st.integers(SMALLEST_LIMIT, 60)


def visible(text: str) -> str:
    return "".join(text.split())


def measure(text: str, unit: Unit) -> int:
    return {"utf16": utf16_length(text), "characters": len(text), "bytes": len(text.encode())}[unit]


@given(texts, limits, units)
def test_any_text_keeps_every_visible_character_in_parts_that_fit(text: str, limit: int, unit: Unit) -> None:
    parts = split_text(text, limit, unit)
    assert visible("".join(parts)) == visible(text)
    assert all(0 < measure(part, unit) <= limit and part.strip() for part in parts)


@given(texts, st.integers(30, 200))
def test_seams_never_tear_a_character_that_fits(text: str, limit: int) -> None:
    parts = split_text(text, limit, "characters")
    place = 0
    for part in parts[:-1]:
        place = text.index(part, place) + len(part)
        assert is_boundary(text, place)


@given(texts, limits)
def test_parts_of_markdown_fit_too(text: str, limit: int) -> None:
    for part in split_markdown(text, limit, "utf16"):
        assert utf16_length(part) <= limit


@st.composite
def texts_with_entities(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    text = draw(texts)
    places = st.integers(0, len(text))
    entities = []
    for kind in draw(st.lists(st.sampled_from(["bold", "pre", "code", "text_link", "blockquote"]), max_size=8)):
        start, end = sorted((draw(places), draw(places)))
        offset, length = utf16_length(text[:start]), utf16_length(text[start:end])
        if length:
            entities.append({"type": kind, "offset": offset, "length": length, "url": "https://example.org"})
    return text, entities


@given(texts_with_entities(), limits)
def test_entities_go_with_their_text(given: tuple[str, list[dict[str, Any]]], limit: int) -> None:
    text, entities = given
    parts = split_entities(text, entities, limit)
    assert visible("".join(part for part, _ in parts)) == visible(text)
    for part, shares in parts:
        assert utf16_length(part) <= limit
        for share in shares:
            assert share["length"] > 0
            assert 0 <= share["offset"] <= share["offset"] + share["length"] <= utf16_length(part)
    for kind in ("bold", "pre", "code", "text_link", "blockquote"):
        whole = [utf16_slice(text, e["offset"], e["length"]) for e in entities if e["type"] == kind]
        shared = [utf16_slice(p, e["offset"], e["length"]) for p, es in parts for e in es if e["type"] == kind]
        assert sorted(visible("".join(shared))) == sorted(visible("".join(whole)))


prose = st.lists(st.sampled_from(["some", "words", "中文。", "and so on.", FAMILY]), min_size=1).map(" ".join)
code = st.lists(st.sampled_from(["x = 1", "    return x", "", "# 註解", "y" * 40]), min_size=1).map("\n".join)
blocks = prose | st.builds(
    "{0}{1}\n{2}\n{0}".format, st.sampled_from(["```", "~~~~"]), st.sampled_from(["", "py"]), code
)


def code_in(text: str) -> str:
    return visible("".join(text[fence.body : fence.body_end] for fence in find_fences(text)))


@given(st.lists(blocks, max_size=8).map("\n".join), st.integers(30, 90))
def test_code_stays_code_in_whatever_part_it_lands(text: str, limit: int) -> None:
    parts = split_markdown(text, limit, "characters")
    assert all(len(part) <= limit for part in parts)
    assert all(fence.body_end < fence.end for part in parts for fence in find_fences(part)), "a block was left open"
    assert "".join(code_in(part) for part in parts) == code_in(text)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("one two\n\nthree four", 14, ["one two", "three four"]),
        ("first line\nsecond line", 15, ["first line", "second line"]),
        ("Is it so? It is so! Well.", 20, ["Is it so? It is so!", "Well."]),
        ("今天下雨。明天放晴！後天呢？", 8, ["今天下雨。", "明天放晴！", "後天呢？"]),
        ("alpha beta gamma", 11, ["alpha beta", "gamma"]),
        ("中文沒有空格也要分開來", 6, ["中文沒有空格", "也要分開來"]),
        ("用了hello這個字", 5, ["用了", "hello", "這個字"]),
        ("go to https://example.org/path now", 27, ["go to", "https://example.org/path", "now"]),
        ("x" * 12, 5, ["xxxxx", "xxxxx", "xx"]),
        ("a\n    indented", 10, ["a", "indented"]),
        ("  lead", 10, ["  lead"]),
        (" \n\t ", 10, []),
        ("", 10, []),
    ],
)
def test_seams_are_where_a_reader_expects_them(text: str, limit: int, expected: list[str]) -> None:
    assert split_text(text, limit, "characters") == expected


@pytest.mark.parametrize("cluster", [FAMILY, "👍🏽", "🇹🇼", SCOTLAND, "e\u0301", JAMO, "각", "1️⃣", "नी"])
def test_what_a_reader_takes_for_one_character_stays_whole(cluster: str) -> None:
    text = cluster * 40
    for limit in range(max(utf16_length(cluster), SMALLEST_LIMIT), 60):
        for part in split_text(text, limit, "utf16"):
            assert part == cluster * (len(part) // len(cluster))


def test_a_character_longer_than_a_part_is_torn_rather_than_lost() -> None:
    text = "a" + "\u0301" * 100
    parts = split_text(text, 10, "characters")
    assert "".join(parts) == text


def test_a_block_of_code_that_fits_is_not_cut() -> None:
    block = "```\n" + "line\n" * 8 + "```"
    parts = split_text(f"{'intro ' * 6}\n{block}\noutro", 60, "characters")
    assert block in parts[1]


def test_a_block_of_code_that_does_not_fit_is_closed_and_opened_anew() -> None:
    lines = [f"print({number})" for number in range(30)]
    text = "Look:\n```python\n" + "\n".join(lines) + "\n```\nDone."
    parts = split_markdown(text, 80, "characters")
    assert len(parts) > 4
    assert all(part.count("```") % 2 == 0 for part in parts)
    assert all(part.startswith("```python\n") for part in parts[1:-1])
    assert [line for part in parts for line in part.splitlines() if line.startswith("print")] == lines


def test_an_entity_over_a_seam_appears_on_both_sides() -> None:
    parts = split_entities("👋 one two", [{"type": "bold", "offset": 3, "length": 7}], 6)
    assert parts == [
        ("👋 one", [{"type": "bold", "offset": 3, "length": 3}]),
        ("two", [{"type": "bold", "offset": 0, "length": 3}]),
    ]


def test_a_link_is_not_cut() -> None:
    link = {"type": "text_link", "offset": 6, "length": 10, "url": "https://example.org"}
    assert split_entities("press the button", [link], 12) == [("press", []), ("the button", [{**link, "offset": 0}])]


def test_a_limit_that_cannot_hold_a_character_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 4"):
        split_text("text", SMALLEST_LIMIT - 1, "bytes")


@pytest.mark.parametrize(
    "piece",
    [
        "x",
        " ",
        "\n",
        "。",
        "a. ",
        "`",
        "```\n",
        "```\nx\n",
        "https://a/",
        "👍🏽",
        "🇹🇼",
        "\u0301",
        "中",
        "a\n\n",
        "~~~\n```\n",
        "(\"'",
    ],
)
@pytest.mark.no_cover
def test_the_cost_grows_with_the_length_and_no_faster(piece: str) -> None:
    def cost(length: int) -> None:
        text = (piece * length)[:length]
        split_markdown(text, 4000, "utf16")
        split_entities(text, [{"type": "code", "offset": n, "length": 2} for n in range(0, length - 2, 5)], 4000)

    assert grows_no_faster(cost, 25_000, 100_000, times=12)  # quadratic would be 16


@pytest.mark.no_cover
def test_a_long_run_of_full_stops_is_looked_at_once() -> None:
    def cost(length: int) -> None:
        split_text("." * length, length * 2 // 3, "characters")

    assert grows_no_faster(cost, 2_000, 16_000, times=24)  # quadratic would be 64
