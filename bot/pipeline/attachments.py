"""The files that came with a message, as the agent reads them.

Only a turn or a task asks for them, so only files of people whom the gate admitted are ever fetched. Images are fetched
for models that see, and for nobody else.
"""

import codecs
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.agents.prompt import clean_name
from bot.command import Opened, Sees
from bot.images import UNSEEN, Image, Room, read_image
from bot.sessions.transcript import Record
from channels.message import Attachment, Destination, InboundMessage
from channels.port import Channel, HoldsFiles

MOST_FILES: Final = 4  # of one message are read; the others are named
HANDLE_CHARACTERS: Final = 1_000
RECENT_RECORDS: Final = 12  # how far back images are shown again
_TEXTS: Final = ("text/", "application/json", "application/xml", "application/yaml", "application/toml")
_NAMES: Final = (
    ".txt",
    ".md",
    ".csv",
    ".json",
    ".yaml",
    ".yml",
    ".toml",
    ".xml",
    ".log",
    ".py",
    ".js",
    ".html",
    ".sql",
)
_PICTURES: Final = (".jpg", ".jpeg", ".png", ".gif", ".webp")
_FENCE: Final = re.compile(r"<(?=[\s/\u200b-\u200f\u2060\ufeff]*file\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Bytes of each file: so much of a document is read, so large an image may be; 0: none."""

    document_bytes: int
    image_bytes: int


def name_files(message: InboundMessage) -> str:
    """The text with a line for each file: what is kept of them, and all that is said of those that are not read."""
    if not message.attachments:
        return message.text
    lines = [f"[{each.kind} {clean_name(each.name)}{_size(each)}]" for each in message.attachments]
    return "\n".join([*([message.text] if message.text else []), *lines])


def describe_files(message: InboundMessage) -> list[dict[str, Any]]:
    """For the transcript: name, kind, size in bytes (None: not told); of images also where they can be had again."""
    place = f"{message.origin.channel}/{message.origin.account}"
    return [
        {"name": each.name, "kind": each.kind, "size": each.size_bytes}
        | ({"at": place, "reference": each.reference} if _is_image(each) and _is_handle(each) else {})
        for each in message.attachments
    ]


async def open_files(channel: Channel, message: InboundMessage, limits: FileLimits, sees: Sees | None) -> Opened:
    """The text, a line for each file, the documents of text between marks that their writers cannot close, and the
    images where somebody sees them; of images that are not shown a line tells why.

    `sees` None: no model reads it.
    """
    if not message.attachments:
        return Opened(message.text)
    parts = [name_files(message), *[part async for part in _documents(channel, message, limits.document_bytes)]]
    pictures = [each for each in message.attachments if _is_image(each)]
    if not pictures or sees is None:
        return Opened("\n".join(parts))
    if not limits.image_bytes or not await sees():
        return Opened("\n".join([*parts, UNSEEN]))
    images, room = [], Room()
    for each in pictures:
        image = await _image(channel, each, limits.image_bytes) if room.images > 0 else "too many at once"
        if isinstance(image, Image) and not room.take([image]):
            image = "all of them together are too large"
        if isinstance(image, Image):
            images.append(image)
        else:
            parts.append(f"[You cannot see {clean_name(each.name)}: {image}]")
    return Opened("\n".join(parts), images)


async def show_again(
    channel: Channel,
    origin: Destination,
    records: Sequence[Record],
    shown: Sequence[Image],
    limits: FileLimits,
    sees: Sees | None,
) -> Sequence[Record]:
    """The newest of the last records with the images that came with them, as far as there is room beside `shown`.

    A transcript holds no image: each is fetched again, and one that is gone stays away.
    """
    recent = [(index, list(_kept_images(records[index], origin))) for index in _newest(records)]
    pictured = [(index, pictures) for index, pictures in recent if pictures]
    if not pictured or not limits.image_bytes or sees is None or not await sees():
        return records
    room, result, known = Room(), list(records), list(shown)
    room.take(shown)
    for index, pictures in pictured:
        if len(pictures) > room.images:
            break
        found = [await _image(channel, each, limits.image_bytes) for each in pictures]
        images = [each for each in found if isinstance(each, Image) and each not in known]
        if not room.take(images):
            break
        known += images
        result[index] = replace(records[index], images=images)
    return result


def _newest(records: Sequence[Record]) -> Iterator[int]:
    for index in range(len(records) - 1, max(-1, len(records) - 1 - RECENT_RECORDS), -1):
        if "files" in records[index].metadata:
            yield index


def _kept_images(record: Record, origin: Destination) -> Iterator[Attachment]:
    place = f"{origin.channel}/{origin.account}"
    files = record.metadata["files"]
    for file in files if isinstance(files, list) else ():
        match file:
            case {"reference": str(reference), "at": at, "name": str(name)} if at == place:
                yield Attachment("image", name, None, None, reference)


async def _documents(channel: Channel, message: InboundMessage, most_bytes: int) -> AsyncIterator[str]:
    documents = [each for each in message.attachments if _is_text(each)] if most_bytes else []
    if not isinstance(channel, HoldsFiles):
        return
    for each in documents[:MOST_FILES]:
        content = await channel.fetch(each, most_bytes)
        text = None if content is None else _decoded(content)
        if text is not None and content is not None:
            cut = "\n[cut here]" if len(content) >= most_bytes else ""
            yield f'<file name="{clean_name(each.name)}">\n{_FENCE.sub("‹", text)}{cut}\n</file>'


async def _image(channel: Channel, attachment: Attachment, most_bytes: int) -> Image | str:
    """The image, or why there is none."""
    too_large = f"larger than {most_bytes} bytes"
    if attachment.size_bytes is not None and attachment.size_bytes > most_bytes:
        return too_large
    content = await channel.fetch(attachment, most_bytes + 1) if isinstance(channel, HoldsFiles) else None
    if content is None:
        return "it could not be fetched"
    if len(content) > most_bytes:
        return too_large
    return read_image(content) or "it is no JPEG, PNG, GIF or WebP"


def _is_image(attachment: Attachment) -> bool:
    if attachment.kind == "image":
        return True
    media_type = (attachment.media_type or "").lower()
    named = attachment.name.lower().endswith(_PICTURES)
    return attachment.kind == "document" and (media_type.startswith("image/") or named)


def _is_handle(attachment: Attachment) -> bool:
    """Whether the reference is a name of the file and not, as in a data URL, the file itself."""
    return len(attachment.reference) <= HANDLE_CHARACTERS


def _is_text(attachment: Attachment) -> bool:
    media_type = (attachment.media_type or "").lower()
    named = attachment.name.lower().endswith(_NAMES)
    return attachment.kind == "document" and (media_type.startswith(_TEXTS) or named)


def _decoded(content: bytes) -> str | None:
    """None for what is no UTF-8; a character that was cut at the end is left out."""
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(content)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _size(attachment: Attachment) -> str:
    return "" if attachment.size_bytes is None else f", {attachment.size_bytes} bytes"
