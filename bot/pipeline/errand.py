"""One update on the road, and what can be told from it alone."""

from collections.abc import Callable
from dataclasses import dataclass, field

from bot.catalogue import Language
from bot.inbox import StoredUpdate
from bot.reasons import Reason
from bot.tasks.wording import task_text
from bot.trace.road import Road
from channels.message import InboundMessage, OutboundMessage, TextFormat
from channels.port import Channel


@dataclass(slots=True)
class Errand:
    """One update on the road.

    `edits` are later updates that changed its text before its turn began, or belong to its album, and `ends_as` is why
    such a one ends with it; `attempt` counts how often it was begun, in this life of the process and earlier ones;
    `drafts` are the messages that show the beginning of its answer.
    """

    update: StoredUpdate
    channel: Channel
    finished: Callable[[], None]
    message: InboundMessage
    language: Language
    road: Road
    edits: list["Errand"] = field(default_factory=list)
    attempt: int = 1
    ends_as: Reason = Reason.EDITED_BEFORE_ITS_TURN
    drafts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.drafts = [*self.update.drafts]


def answer_to(message: InboundMessage, text: str, form: TextFormat = "plain") -> OutboundMessage:
    """`text` as the answer to `message`; a press is answered without pointing at what was pressed."""
    reply_to = None if message.kind == "button" else message.message_id
    return OutboundMessage(message.origin, text, form, reply_to, reply_token=message.reply_token)


def read_command(message: InboundMessage) -> tuple[str | None, str]:
    """(command name, its arguments); (None, the text) for ordinary words."""
    text = message.text.strip()
    kimi = task_text(text)
    if kimi is not None:
        return "kimi", kimi
    if not text.startswith("/"):
        return None, text
    name, _, arguments = text[1:].partition(" ")
    name, newline, rest = name.partition("\n")
    return name.partition("@")[0].lower(), f"{rest}{newline}{arguments}".strip()


def asks(message: InboundMessage, arguments: str) -> bool:
    """Whether there is a question: words, a file, or the message that is replied to."""
    return bool(arguments.strip() or message.attachments or message.reply_to)
