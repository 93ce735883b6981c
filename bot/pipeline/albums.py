"""Pictures that were sent together: a platform tells each as a message, people mean one question."""

from dataclasses import replace
from typing import Final

from bot.pipeline.errand import Errand
from bot.reasons import Reason
from channels.message import Destination

GATHERING_SECONDS: Final = 0.7
"""How long the first of an album waits for the others, which often come with the next poll."""


class Albums:
    """Those whose first message waits for its turn."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[Destination, str, str | None], Errand] = {}

    def join(self, errand: Errand) -> bool:
        """True: the message now belongs to the one that waits, with its files and words, and is answered with it."""
        first = self._waiting.get(_key(errand))
        if first is None or errand.message.kind != "message":
            return False
        before, more = first.message, errand.message
        text = "\n".join(words for words in (before.text, more.text) if words)
        first.message = replace(before, text=text, attachments=(*before.attachments, *more.attachments))
        errand.ends_as = Reason.PART_OF_ALBUM
        first.edits.append(errand)
        return True

    def gather(self, errand: Errand) -> None:
        """Others may join it from now on."""
        if errand.message.album is not None:
            self._waiting[_key(errand)] = errand

    def close(self, errand: Errand) -> None:
        """Its turn begins; whoever comes later is by itself."""
        if errand.message.album is not None and self._waiting.get(_key(errand)) is errand:
            del self._waiting[_key(errand)]


def _key(errand: Errand) -> tuple[Destination, str, str | None]:
    message = errand.message
    return message.origin, message.album or "", message.address.sender
