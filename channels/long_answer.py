"""A long answer as one file, with its beginning above it, where the settings ask for that. Pure."""

from dataclasses import dataclass
from typing import Final

from channels.chunking import split_markdown, split_text
from channels.config import LongAnswers
from channels.message import JsonObject, OutboundMessage

MOST_PARTS: Final = 3
FILE_BYTES: Final = 1 << 20  # it waits in the outbox as text
BEGINNING_UNITS: Final = 600


@dataclass(frozen=True, slots=True)
class Document:
    """A file of text that goes out: its payload holds the whole content."""

    name: str
    media_type: str
    text: str

    def payload(self) -> JsonObject:
        return {"name": self.name, "media_type": self.media_type, "text": self.text}


def document_of(message: OutboundMessage, text: str, parts: int, long_answers: LongAnswers) -> Document | None:
    """`text` as a file when it takes more than MOST_PARTS parts; None when it is to go out in parts."""
    if message.unfinished or long_answers == "split" or parts <= MOST_PARTS or len(text.encode()) > FILE_BYTES:
        return None
    if message.format == "markdown":
        return Document("answer.md", "text/markdown", text)
    return Document("answer.txt", "text/plain", text)


def most_parts(message: OutboundMessage, long_answers: LongAnswers) -> int | None:
    """How many parts are shown: of what may yet become a file, and is still written, no more than of a short answer.
    None: all."""
    return MOST_PARTS if message.unfinished and long_answers == "file" else None


def beginning_of(message: OutboundMessage, text: str) -> str:
    """What stands above the file, in the message's own format; the file holds it too."""
    split = split_markdown if message.format == "markdown" else split_text
    return f"{split(text, BEGINNING_UNITS, 'utf16')[0]}\n\n…"
