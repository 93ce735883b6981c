"""What the bot says, as Telegram's text and entities."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.markdown import has_markup
from channels.message import Button, Destination, JsonObject, OutboundMessage
from channels.telegram.render import LABEL_UNITS, PART_UNITS, TEXT_UNITS, render_message, with_label
from channels.utf16 import utf16_length, utf16_slice
from tests.effort import grows_no_faster

CHAT = Destination("telegram", "default", "-1001")


def plain(text: str, **fields: Any) -> tuple[JsonObject, ...]:
    return render_message(OutboundMessage(CHAT, text, **fields))


def markdown(text: str) -> tuple[JsonObject, ...]:
    return render_message(OutboundMessage(CHAT, text, format="markdown"))


def styled(payload: JsonObject) -> list[tuple[str, str]]:
    return [(e["type"], utf16_slice(payload["text"], e["offset"], e["length"])) for e in payload.get("entities", [])]


def test_plain_text_is_shown_as_it_is_without_a_preview() -> None:
    assert plain("*not* <b>bold</b> [x](y)") == (
        {"text": "*not* <b>bold</b> [x](y)", "link_preview_options": {"is_disabled": True}},
    )


def test_markdown_becomes_entities() -> None:
    (payload,) = markdown("👋 **bold** and *italic* and `code` and [link](https://example.org)")
    assert payload["text"] == "👋 bold and italic and code and link"
    assert styled(payload) == [("bold", "bold"), ("italic", "italic"), ("code", "code"), ("text_link", "link")]


def test_headings_lists_and_code_read_well() -> None:
    (payload,) = markdown("# Title\n\n- one\n- two\n\n- [ ] open\n- [x] done\n\n```python\nprint(1)\n```")
    assert payload["text"].startswith("Title\n\n• one\n• two")
    assert "☐ open\n☑ done" in payload["text"]
    assert ("bold", "Title") in styled(payload)
    assert next(e for e in payload["entities"] if e["type"] == "pre")["language"] == "python"


def test_a_table_keeps_its_columns() -> None:
    (payload,) = markdown("| a | long |\n|---|---|\n| 1 | 2 |")
    assert [kind for kind, _ in styled(payload)] == ["pre"]
    assert [line.index("|") for line in payload["text"].splitlines() if "|" in line] == [2, 2]


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("use Vec<int> here, *now*", "use Vec<int> here, now"),
        ("<div>\nblock\n</div>\n\n*after*", "<div>\nblock\n</div>\n\nafter"),
        ("`a < b` and *c*", "a < b and c"),
        ("<!-- hidden --> *x*", "<!-- hidden --> x"),
        ("it costs $5, then $6 *more*", "it costs $5, then $6 more"),
        ("see <https://example.org> *now*", "see https://example.org now"),
        ("a<br>b *c*", "a<br>b c"),
        ("$$$$ *x*", "$$$$ x"),
        ("5 < 6 && 7 > 3 *x*", "5 < 6 && 7 > 3 x"),
        ("[ref]: https://example.org", "[ref]: https://example.org"),
        ("[Note]: important\n\n*x*", "[Note]: important\n\nx"),
        ("see [this]\n\n[this]: https://example.org", "see this"),
    ],
)
def test_what_looks_like_html_or_formulas_is_not_lost(source: str, shown: str) -> None:
    assert "\n".join(payload["text"] for payload in markdown(source)) == shown


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "tg://user?id=1", "tg://resolve?domain=x", "data:text/html,x",
     "file:///etc/passwd", "//example.org", "/path", "http://[", "vbscript:x"],
)  # fmt: skip
def test_a_link_to_anything_but_the_web_and_mail_is_plain_text(url: str) -> None:
    (payload,) = markdown(f"press [here]({url}) *now*")
    assert payload["text"] == "press here now"
    assert styled(payload) == [("italic", "now")]


@pytest.mark.parametrize("url", ["https://example.org/a?b=(c)", "http://example.org", "mailto:a@example.org"])
def test_links_to_the_web_and_mail_stay(url: str) -> None:
    (payload,) = markdown(f"press [here](<{url}>)")
    assert payload["entities"] == [{"type": "text_link", "offset": 6, "length": 4, "url": url}]


def test_custom_emoji_and_pictures_make_no_mention_and_no_beacon() -> None:
    (payload,) = markdown("![x](tg://emoji?id=5368324170671202286) ![y](https://example.org/beacon.png)")
    assert all(kind == "text_link" for kind, _ in styled(payload))
    assert payload["link_preview_options"] == {"is_disabled": True}


def test_the_answer_is_attached_to_the_question_once_and_goes_out_without_it_too() -> None:
    first, *others = plain("word " * 3000, reply_to="77")
    assert first["reply_parameters"] == {"message_id": 77, "allow_sending_without_reply": True}
    assert len(others) == 3
    assert not any("reply_parameters" in other for other in others)


def test_an_id_that_is_none_of_telegrams_is_not_replied_to() -> None:
    (payload,) = plain("x", reply_to="cli-1")
    assert "reply_parameters" not in payload


def test_buttons_stand_under_the_last_part_three_in_a_row() -> None:
    buttons = tuple(Button(f"B{number}", f"/b {number}") for number in range(4))
    *others, last = plain("word " * 2000, buttons=buttons)
    assert not any("reply_markup" in other for other in others)
    keyboard = last["reply_markup"]["inline_keyboard"]
    assert [len(row) for row in keyboard] == [3, 1]
    assert keyboard[0][0] == {"text": "B0", "callback_data": "/b 0"}


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_a_text_without_content_is_nothing_to_send(text: str) -> None:
    assert plain(text) == markdown(text) == ()


def test_a_long_answer_is_parted_after_rendering_and_code_stays_code() -> None:
    source = "Intro\n\n```python\n" + "print('長長的一行')\n" * 600 + "```\n\n" + "**fat** " * 1000
    parts = markdown(source)
    assert len(parts) > 3
    assert all(utf16_length(part["text"]) <= PART_UNITS for part in parts)
    assert "".join("".join(part["text"].split()) for part in parts).count("print('長長的一行')") == 600
    code = "".join(words for part in parts for kind, words in styled(part) if kind == "pre")
    assert code.count("print") == 600


def test_a_part_has_no_more_entities_than_telegram_reads() -> None:
    for part in markdown("**b** x " * 500):
        assert len(part.get("entities", [])) <= 100


def test_a_label_goes_above_and_the_entities_move_along() -> None:
    (payload,) = markdown("**bold** text")
    labelled = with_label(payload, "⚠️ 可能重複 👋")
    assert labelled["text"] == "⚠️ 可能重複 👋\nbold text"
    assert styled(labelled) == [("bold", "bold")]
    assert payload["text"] == "bold text"


@given(st.text(min_size=1, max_size=300).filter(str.strip))
def test_any_label_fits_above_the_longest_part(label: str) -> None:
    (payload, *_) = plain("👋" * PART_UNITS)
    labelled = with_label(payload, label.encode("utf-8", "replace").decode())
    assert utf16_length(payload["text"]) + LABEL_UNITS >= utf16_length(labelled["text"])
    assert utf16_length(labelled["text"]) <= TEXT_UNITS


def test_half_a_character_is_replaced() -> None:
    assert [payload["text"] for payload in (*plain("a\ud800b"), *markdown("*a*\udc00b"))] == ["a\ufffdb", "a\ufffdb"]


KINDS = {
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "blockquote",
    "expandable_blockquote",
    "code",
    "pre",
}
SNIPPETS = [
    "**b**", "*i*", "`c`", "```\ncode\n```\n", "[t](https://e.org)", "[u](tg://user?id=1)", "# h\n", "- l\n", "1. n\n",
    "> q\n", "| a | b |\n|---|---|\n| 1 | 2 |\n", "||s||", "~~x~~", "$x^2$", "$$\n", "\\(a\\)", "<b>", "<", "&amp;",
    "👨‍👩‍👧", "中文。", " ", "\n\n", "\\", "---\n", "    code\n", "![i](https://e.org/i.png)", "<!--", "[^1]",
]  # fmt: skip
sources = st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=6), max_size=30).map("".join)


@given(sources, st.sampled_from([plain, markdown]))
def test_any_text_becomes_calls_that_telegram_accepts(
    source: str, render: Callable[[str], tuple[JsonObject, ...]]
) -> None:
    parts = render(source)
    assert parts or not source.encode("utf-8", "replace").decode().strip()
    for part in parts:
        assert 0 < utf16_length(part["text"]) <= PART_UNITS
        assert part["text"].strip()
        for kind, words in styled(part):
            assert kind in {*KINDS, "text_link"}
            assert words
            words.encode()  # fails where an entity begins or ends inside a character
        assert all(e["offset"] + e["length"] <= utf16_length(part["text"]) for e in part.get("entities", []))


MARKS = [
    "", " ", "\n", "\n\n", "**", "*", "_", "`", "```\n", "~~", "||", "> ", "- ", "1. ", "# ", "    ", "\\", "<", "<b>",
    "</b>", "<!--", "-->", "&", "$", "$$", "[", "]", "]: ", "|", "\n|-|-|\n", "\n---\n", "(", ")", "!",
]  # fmt: skip


@given(st.lists(st.sampled_from(MARKS), min_size=1, max_size=40))
def test_no_word_is_lost_in_markup(marks: list[str]) -> None:
    source = "".join(f"{mark}w{number}" for number, mark in enumerate(marks))
    shown = "".join(part["text"] for part in markdown(source))
    targets = "".join(
        e.get("url", "") + e.get("language", "") for part in markdown(source) for e in part.get("entities", [])
    )
    assert [number for number in range(len(marks)) if f"w{number}" not in shown + targets] == []


@given(st.lists(st.sampled_from(["word", "中文，", "end.", "\n", "two words", "3 + 4", "a@b.c", "👋🏽"])).map(" ".join))
def test_text_without_markup_reads_the_same_in_markdown(text: str) -> None:
    if not has_markup(text):
        assert markdown(text) == plain(text)


def test_plain_answers_never_load_the_markdown_library() -> None:
    code = (
        "import sys; from channels.telegram.render import render_message as r; "
        "from channels.message import OutboundMessage as O, Destination as D; d = D('telegram', 'a', '1'); "
        "r(O(d, '*x*')); r(O(d, 'Kimi: hello - there, 1 + 1 = 2 (ok).', 'markdown')); "
        "sys.exit('telegramify_markdown' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "piece",
    [
        "*", "_", "`", "[", "](", " > ", "- ", "|", "||", "$", "<", "**a ", "[a](", "```\n", "#", "&", "~~", "\\", "![",
        "1. ", "|a|b|\n|-|-|\n", "<tg-spoiler>", "a\n> ", "\\(", "\\[", "$$\n", "👋", "> " * 50 + "\n", "http://",
        "<http://", "```\n```\n\n", "word\n\n",
    ],
)  # fmt: skip
@pytest.mark.no_cover
def test_hostile_markdown_costs_in_proportion_to_its_length(piece: str) -> None:
    def cost(length: int) -> object:
        return markdown((piece * length)[:length])

    assert grows_no_faster(cost, 10_000, 80_000, times=24)  # quadratic would be 64


def test_a_long_answer_keeps_its_markup_in_every_paragraph() -> None:
    paragraphs = [f"**{number}** 👋 line" + "\nmore" * 40 for number in range(400)]
    code = "```python\n" + "x = 1\n\n" * 100 + "```"
    parts = markdown("\n\n".join([*paragraphs[:200], code, *paragraphs[200:]]))
    bold = [
        part["text"].encode("utf-16-le")[2 * each["offset"] : 2 * (each["offset"] + each["length"])].decode("utf-16-le")
        for part in parts
        for each in part["entities"]
        if each["type"] == "bold"
    ]
    assert bold == [str(number) for number in range(400)]
    assert sum(each["type"] == "pre" for part in parts for each in part["entities"]) == 1
