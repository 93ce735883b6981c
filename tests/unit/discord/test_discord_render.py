"""What the bot says, as messages of Discord."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.discord.render import LABEL_UNITS, PART_UNITS, TEXT_UNITS, render_message, with_label
from channels.discord.reply_token import ReplyToken
from channels.message import Button, Destination, JsonObject, OutboundMessage
from channels.utf16 import utf16_length
from tests.unit.discord.setting import CHANNEL

CHAT = Destination("discord", "default", CHANNEL)


def render(text: str, **fields: Any) -> tuple[JsonObject, ...]:
    return render_message(OutboundMessage(CHAT, text, **fields))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("*not* __bold__ ~~x~~ ||y||", r"\*not\* \_\_bold\_\_ \~\~x\~\~ \|\|y\|\|"),
        ("`code` ```", r"\`code\` \`\`\`"),
        ("[x](https://example.org/a_b)", r"\[x](https://example.org/a_b)"),
        ("see https://example.org/a_b*c", "see https://example.org/a_b*c"),
        ("<@1> <@&2> <#3> <:x:4> a < b", r"\<@1> \<@&2> \<#3> \<:x:4> a \< b"),
        ("# head\n## head\n-# small", "\\# head\n\\## head\n\\-# small"),
        ("- item\n  - item\n> quote", "\\- item\n  \\- item\n\\> quote"),
        ("#tag 1-2 a > b\n#tag", "#tag 1-2 a > b\n#tag"),
        ("back\\slash", "back\\\\slash"),
    ],
)  # fmt: skip
def test_plain_text_is_shown_as_it_is(text: str, shown: str) -> None:
    assert render(text) == ({"content": shown},)


def test_markdown_stays_markdown() -> None:
    assert render("**bold** `code`", format="markdown") == ({"content": "**bold** `code`"},)


def test_white_space_alone_is_nothing() -> None:
    assert render(" \n\t") == ()


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("*_`<> \n#"), max_size=6000))
def test_every_part_fits_and_nothing_but_white_space_is_lost(text: str) -> None:
    parts = [part["content"] for part in render(text)]
    assert all(utf16_length(part) <= PART_UNITS and part.strip() for part in parts)
    shown = "".join("".join(parts).replace("\\", "").split())
    assert shown == "".join(text.replace("\\", "").split())


def test_a_block_of_code_is_closed_and_opened_anew_at_a_seam() -> None:
    code = "\n".join(f"print({number})" for number in range(400))
    parts = [part["content"] for part in render(f"```python\n{code}\n```", format="markdown")]
    assert len(parts) > 1
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts)


def test_a_label_stands_above_and_fits_whatever_it_says() -> None:
    (part,) = render("x" * PART_UNITS)
    labelled = with_label(part, "*" * 500)["content"]
    assert labelled.endswith("x" * PART_UNITS)
    assert utf16_length(labelled) <= TEXT_UNITS
    assert utf16_length(labelled.partition("\n")[0]) < LABEL_UNITS


def test_only_the_first_part_answers_a_message() -> None:
    first, *others = render("word " * 1000, reply_to="1400000000000000005")
    assert first["reply_to"] == "1400000000000000005"
    assert others
    assert all("reply_to" not in other for other in others)


def test_the_answer_to_a_command_knows_its_interaction() -> None:
    token = str(ReplyToken("900000000000000001", "a.token", private=True))
    parts = render("word " * 1000, reply_to="1400000000000000006", reply_token=token)
    assert [part["interaction"] for part in parts] == [
        {"id": "1400000000000000006", "token": token, "part": number} for number in range(len(parts))
    ]
    assert "reply_to" not in parts[0]


@pytest.mark.parametrize("text", ["", "no", "x:token", "12:", "12"])
def test_a_reply_token_of_another_make_is_none(text: str) -> None:
    assert ReplyToken.parse(text) is None


@pytest.mark.parametrize("private", [True, False])
def test_a_reply_token_reads_back(*, private: bool) -> None:
    token = ReplyToken("900000000000000001", "aW50ZXJhY3Rpb24.x-_", private=private)
    assert ReplyToken.parse(str(token)) == token


def test_buttons_stand_in_rows_of_five_under_the_last_part() -> None:
    buttons = tuple(Button(f"{number}" * 100, f"/retry {number}") for number in range(7))
    first, last = render("word " * 500, buttons=buttons)
    assert "components" not in first
    rows = last["components"]
    assert [len(row["components"]) for row in rows] == [5, 2]
    assert rows[1]["components"][1] == {"type": 2, "style": 2, "label": "6" * 80, "custom_id": "/retry 6"}
