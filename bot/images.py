"""Pictures as models take them. What one is, its bytes say, never its name."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from channels.data_url import read_data_url

MOST_IMAGES: Final = 4  # of one request; a model counts about a thousand tokens for each
MOST_BYTES: Final = 10_000_000  # of all images of one request
UNSEEN: Final = "[You cannot see the images of this message. Say so if they matter.]"
"""What a model reads that is shown none."""


@dataclass(frozen=True, slots=True)
class Image:
    """`media_type` is what the first bytes of `content` say."""

    media_type: str
    content: bytes = field(repr=False)

    @property
    def data_url(self) -> str:
        return f"data:{self.media_type};base64,{base64.b64encode(self.content).decode('ascii')}"


@dataclass(slots=True)
class Room:
    """What one request still has room for."""

    images: int = MOST_IMAGES
    size_bytes: int = MOST_BYTES

    def take(self, images: Sequence[Image]) -> bool:
        """False where they do not all fit: then none is taken."""
        count, size_bytes = len(images), sum(len(each.content) for each in images)
        fits = count <= self.images and size_bytes <= self.size_bytes
        if fits:
            self.images -= count
            self.size_bytes -= size_bytes
        return fits


def read_image(content: bytes) -> Image | None:
    """None for what is no JPEG, PNG, GIF or WebP."""
    if content.startswith(b"\xff\xd8\xff"):
        return Image("image/jpeg", content)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Image("image/png", content)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return Image("image/gif", content)
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return Image("image/webp", content)
    return None


def read_image_url(url: str) -> Image | None:
    """The image of a data URL; None for any other address, and for what is no image."""
    content = read_data_url(url)
    return None if content is None else read_image(content)
