"""An OutboundMessage as the terminal shows it. Pure."""

import re
from typing import Final

from channels.message import JsonObject, OutboundMessage

# An escape sequence in an answer could rewrite the screen or type on the user's behalf.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def render_message(message: OutboundMessage) -> tuple[JsonObject, ...]:
    """One part, never split: the text, and a line for each button with the command that stands for it."""
    if not message.text.strip():
        return ()
    lines = [message.text, *(f"[{button.label}] {button.command}" for button in message.buttons)]
    return ({"text": harmless("\n".join(lines))},)


def harmless(text: str) -> str:
    """`text` without what would steer the terminal and without what is no character."""
    return _CONTROL.sub("\ufffd", text.replace("\r\n", "\n")).encode("utf-8", "replace").decode()
