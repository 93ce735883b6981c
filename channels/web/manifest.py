"""The web channel's card."""

from typing import Final, Literal

from channels.port import ChannelManifest


def id_problem(kind: Literal["peer", "thread", "guild", "sender", "role"], platform_id: str) -> str | None:
    """Clients name people as they like; there are neither guilds nor roles."""
    if kind in {"guild", "role", "thread"}:
        return f"the web has no {kind}s"
    return None if platform_id else "an empty id"


MANIFEST: Final = ChannelManifest(
    name="web",
    config="channels.web.config:WebConfig",
    open="channels.web.channel:open_web",
    id_problem=id_problem,
    tokenless=True,
)
