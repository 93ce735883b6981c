"""What the bot says, as the body of a request to a program. Pure."""

from channels.message import Delivery, JsonObject


def render_body(delivery: Delivery) -> JsonObject:
    """The whole body; `id` is the same at each attempt, so that the receiver can tell a repetition."""
    text = delivery.payload["text"]
    where = delivery.destination
    return {
        **delivery.payload,
        "id": delivery.id,
        "chat": where.chat,
        "thread": where.thread,
        "text": f"{delivery.label}\n{text}" if delivery.label else text,
    }
