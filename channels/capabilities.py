"""What a channel can do, declared once, so that nobody asks for more."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`text_limit` counts `text_unit`s of one rendered part; None means that nothing is ever split."""

    text_limit: int | None
    text_unit: Literal["utf16", "characters", "bytes"]
    markup: Literal["entities", "markdown", "none"]
    threads: bool = False
    edits: bool = False
    typing: bool = False
    reactions: bool = False
    buttons: bool = False
    files: bool = False
