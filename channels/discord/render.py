"""An OutboundMessage as messages of Discord. Pure.

A part's payload holds what differs from part to part; `sending` adds what every message has, and chooses the way.

https://discord.com/developers/docs/resources/message#create-message
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from channels.chunking import split_markdown, split_text
from channels.config import LongAnswers
from channels.discord.reply_token import ReplyToken
from channels.drafts import with_drafts
from channels.long_answer import beginning_of, document_of, most_parts
from channels.message import Button, JsonObject, OutboundMessage
from channels.unfinished import presentable
from channels.utf16 import utf16_length, without_lone_surrogates

# Nobody documents what a character is there: in UTF-16 units a text has most.
TEXT_UNITS: Final = 2000
LABEL_UNITS: Final = 80  # kept free in each part, the newline included
PART_UNITS: Final = TEXT_UNITS - LABEL_UNITS
SMALLEST_PIECE: Final = 16
BUTTONS_IN_ROW: Final = 5
ROWS: Final = 5
LABEL_OF_BUTTON: Final = 80
# discord.utils.escape_markdown sets its backslash before the indentation of a line, where it is shown.
_MARKUP: Final = re.compile(
    r"(?P<link>https?://[^\s<>]+)|(?P<sign>[\\*_~|`\[<])|^(?P<indent> *)(?P<opening>#{1,3}|-#|-|\+|>{1,3})(?=\s)",
    re.MULTILINE,
)
ACTION_ROW, BUTTON, SECONDARY = 1, 2, 2  # https://discord.com/developers/docs/components/reference


def render_message(message: OutboundMessage, long_answers: LongAnswers = "split") -> tuple[JsonObject, ...]:
    """Empty for a text of white space alone."""
    text = without_lone_surrogates(message.text)
    text = presentable(text) if message.unfinished else text
    markdown = message.format == "markdown"
    parts = _parts(text, markdown=markdown)
    payloads: list[dict[str, Any]] = [{"content": part} for part in parts[: most_parts(message, long_answers)]]
    document = document_of(message, text, len(parts), long_answers)
    if document is not None:
        content = _parts(beginning_of(message, text), markdown=markdown)[0]
        payloads = [{"content": content, "document": document.payload()}]
    token = ReplyToken.parse(message.reply_token) if message.reply_token else None
    if token is not None and message.reply_to is not None:
        for number, payload in enumerate(payloads):
            payload["interaction"] = {"id": message.reply_to, "token": str(token), "part": number}
    elif payloads and message.reply_to is not None and message.reply_to.isdecimal():
        payloads[0]["reply_to"] = message.reply_to
    if payloads and message.buttons:
        payloads[-1]["components"] = _rows(message.buttons)
    return with_drafts(message, payloads)


def with_label(payload: JsonObject, label: str) -> JsonObject:
    """`payload` with a line above its text; what the line has beyond its LABEL_UNITS is cut off."""
    line = next(_plain_parts(label, LABEL_UNITS - 1))
    return {**payload, "content": f"{line}\n{payload['content']}"}


def _parts(text: str, *, markdown: bool) -> list[str]:
    return split_markdown(text, PART_UNITS, "utf16") if markdown else list(_plain_parts(text, PART_UNITS))


def _plain_parts(text: str, limit: int) -> Iterator[str]:
    """Parts that show `text` as it is and fit once its markdown has been disarmed."""
    for piece in split_text(text, limit, "utf16"):
        escaped = _escaped(piece)
        excess = utf16_length(escaped) - limit
        if excess <= 0:
            yield escaped
        else:
            yield from _smaller(piece, limit, excess)


def _smaller(piece: str, limit: int, excess: int) -> Iterator[str]:
    units = utf16_length(piece)
    smaller = max(SMALLEST_PIECE, min(units - 1, limit * units // (limit + excess)))
    for part in split_text(piece, smaller, "utf16"):
        escaped = _escaped(part)
        if utf16_length(escaped) <= limit:
            yield escaped
        else:  # its share of markdown is greater than that of the whole
            yield from _smaller(part, limit, utf16_length(escaped) - limit)


def _escaped(text: str) -> str:
    """`text` so that Discord shows it as it is; links stay links."""
    return _MARKUP.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found["link"] or f"{found['indent'] or ''}\\{found['sign'] or found['opening']}"


def _rows(buttons: Sequence[Button]) -> list[dict[str, Any]]:
    keys = [
        {"type": BUTTON, "style": SECONDARY, "label": button.label[:LABEL_OF_BUTTON], "custom_id": button.command}
        for button in buttons[: ROWS * BUTTONS_IN_ROW]
    ]
    return [
        {"type": ACTION_ROW, "components": keys[first : first + BUTTONS_IN_ROW]}
        for first in range(0, len(keys), BUTTONS_IN_ROW)
    ]
