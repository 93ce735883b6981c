"""An OutboundMessage as calls of sendMessage, or as one of sendDocument. Pure.

A part's payload holds all but the chat and the topic: `Channel.send` takes those from the delivery, which follows a
chat that moves.

https://core.telegram.org/bots/api#sendmessage
"""

from collections.abc import Sequence
from typing import Any, Final

from channels.chunking import split_entities, split_markdown, split_text
from channels.config import LongAnswers
from channels.drafts import with_drafts
from channels.long_answer import Document, beginning_of, document_of, most_parts
from channels.markdown import convert_markdown, has_markup
from channels.message import Button, JsonObject, OutboundMessage
from channels.unfinished import presentable
from channels.utf16 import utf16_length, without_lone_surrogates

TEXT_UNITS: Final = 4096
LABEL_UNITS: Final = 80  # kept free in each part, the newline included
PART_UNITS: Final = TEXT_UNITS - LABEL_UNITS
CAPTION_UNITS: Final = 1024
ENTITIES: Final = 100  # Telegram ignores more
BUTTONS_IN_ROW: Final = 3

Part = tuple[str, list[dict[str, Any]]]


def render_message(message: OutboundMessage, long_answers: LongAnswers = "split") -> tuple[JsonObject, ...]:
    """Empty for a text of white space alone."""
    text = without_lone_surrogates(message.text)
    text = presentable(text) if message.unfinished else text
    rich = message.format == "markdown" and has_markup(text)
    parts = _rich_parts(text) if rich else [(part, []) for part in split_text(text, PART_UNITS, "utf16")]
    document = document_of(message, text, len(parts), long_answers)
    if document is None:
        payloads = [_payload(part) for part in parts[: most_parts(message, long_answers)]]
    else:
        payloads = _file_payloads(message, document)
    if payloads and message.reply_to is not None and message.reply_to.isdecimal():
        payloads[0]["reply_parameters"] = {"message_id": int(message.reply_to), "allow_sending_without_reply": True}
    if payloads and message.buttons:
        payloads[-1]["reply_markup"] = {"inline_keyboard": _keyboard(message.buttons)}
    return with_drafts(message, payloads, None if document is None else 1)


def with_label(payload: JsonObject, label: str) -> JsonObject:
    """`payload` with a line above its text; what the line has beyond its LABEL_UNITS is cut off."""
    line = split_text(label, LABEL_UNITS - 1, "utf16")[0] + "\n"
    shift = utf16_length(line)
    text, marks = ("caption", "caption_entities") if "document" in payload else ("text", "entities")
    labelled = {**payload, text: line + payload.get(text, "")}
    if entities := payload.get(marks):
        labelled[marks] = [{**entity, "offset": entity["offset"] + shift} for entity in entities]
    return labelled


def _rich_parts(text: str) -> list[Part]:
    """Parted once as markdown, which also bounds what one conversion costs, and once more where it grew."""
    return [
        part
        for block in split_markdown(text, PART_UNITS, "utf16")
        for part in split_entities(*convert_markdown(block), PART_UNITS)
    ]


def _payload(part: Part) -> dict[str, Any]:
    text, entities = part
    payload: dict[str, Any] = {"text": text, "link_preview_options": {"is_disabled": True}}
    if entities:
        payload["entities"] = entities[:ENTITIES]
    return payload


def _file_payloads(message: OutboundMessage, document: Document) -> list[dict[str, Any]]:
    """The file under its beginning; no text becomes a file, so a draft takes the beginning and the file follows."""
    beginning, entities = beginning_of(message, document.text), list[dict[str, Any]]()
    if message.format == "markdown" and has_markup(beginning):
        grown, marks = convert_markdown(beginning)
        beginning, entities = split_entities(grown, marks, CAPTION_UNITS - LABEL_UNITS)[0]
    file: dict[str, Any] = {"document": document.payload()}
    if message.drafts:
        return [_payload((beginning, entities)), file]
    file["caption"] = beginning
    if entities:
        file["caption_entities"] = entities[:ENTITIES]
    return [file]


def _keyboard(buttons: Sequence[Button]) -> list[list[dict[str, str]]]:
    keys = [{"text": button.label, "callback_data": button.command} for button in buttons]
    return [keys[first : first + BUTTONS_IN_ROW] for first in range(0, len(keys), BUTTONS_IN_ROW)]
