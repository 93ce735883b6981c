"""The terminal's card."""

from typing import Final, Literal

from channels.port import ChannelManifest


def id_problem(kind: Literal["peer", "thread", "guild", "sender", "role"], platform_id: str) -> str | None:
    """People are known by their user id on this machine; there is nothing else."""
    if kind not in {"peer", "sender"}:
        return f"the terminal has no {kind}s"
    return None if platform_id.isdecimal() else "not a user id (a number, as `id -u` tells it)"


MANIFEST: Final = ChannelManifest(
    name="cli",
    config="channels.cli.config:CliConfig",
    open="channels.cli.channel:open_cli",
    id_problem=id_problem,
    interactive=True,
)
