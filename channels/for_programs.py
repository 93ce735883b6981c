"""What the bot says, as programs take it: the data of a `chat.message` event, the body of a request. Pure."""

from collections.abc import Sequence

from channels.message import JsonObject, OutboundMessage
from channels.utf16 import without_lone_surrogates


def render_message(message: OutboundMessage) -> Sequence[JsonObject]:
    """One part, whatever its length: programs show markdown themselves."""
    text = without_lone_surrogates(message.text)
    if not text.strip():
        return []
    return [
        {
            "text": text,
            "format": message.format,
            "reply_to": message.reply_to,
            "buttons": [{"label": button.label, "command": button.command} for button in message.buttons],
        }
    ]
