"""What an answer needs to reach the person who used a command."""

from dataclasses import dataclass
from typing import Self

from typing_extensions import override

_PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """`token` is good for 15 minutes from the interaction on. A `private` answer is shown to the asker alone."""

    application: str
    token: str
    private: bool = False

    @override
    def __str__(self) -> str:
        return ":".join([self.application, self.token, *([_PRIVATE] if self.private else [])])

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """None for what `str` never gave."""
        application, _, rest = text.partition(":")
        token, _, private = rest.partition(":")
        return cls(application, token, private == _PRIVATE) if application.isdecimal() and token else None
