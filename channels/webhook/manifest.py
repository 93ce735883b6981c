"""The webhook channel's card."""

from typing import Final, Literal

from channels.port import ChannelManifest


def id_problem(kind: Literal["peer", "thread", "guild", "sender", "role"], platform_id: str) -> str | None:
    """Callers name people, chats and threads as they like; there are neither guilds nor roles."""
    if kind in {"guild", "role"}:
        return f"webhooks have no {kind}s"
    return None if platform_id else "an empty id"


MANIFEST: Final = ChannelManifest(
    name="webhook",
    config="channels.webhook.config:WebhookConfig",
    open="channels.webhook.channel:open_webhook",
    id_problem=id_problem,
)
