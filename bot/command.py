"""A command on its way: who asked for what, and what is to be said and done."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bot.catalogue import Language
from bot.images import Image
from bot.storage.port import Statement
from channels.message import Button, InboundMessage

Sees = Callable[[], Awaitable[bool]]
"""Whether whoever reads a message is shown images."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A message with its files: all that is read, and what is shown beside it."""

    text: str
    images: Sequence[Image] = ()


async def _no_files(text: str, _sees: Sees) -> Opened:
    return Opened(text)


@dataclass(frozen=True, slots=True)
class Call:
    """A command on its way. `arguments` is the text after its name; `agent` and `session_key` are the chat's.

    `open_files` gives a text with the files that came with the message, which it fetches.
    """

    arguments: str
    message: InboundMessage
    agent: str
    session_key: str
    language: Language
    open_files: Callable[[str, Sees], Awaitable[Opened]] = field(default=_no_files, repr=False)

    @property
    def requester(self) -> str:
        return f"{self.message.address.channel}:{self.message.address.sender}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say and what to do: `statements` join the reply's transaction, `after` runs once it is on disk.

    Where a required statement fails, nothing is done and `otherwise` is said instead.
    """

    text: str
    statements: Sequence[Statement] = ()
    after: Callable[[], None] | None = None
    otherwise: str | None = None
    buttons: tuple[Button, ...] = ()
    format: Literal["markdown", "plain"] = "plain"
