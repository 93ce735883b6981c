"""The web channel's settings."""

from pydantic import Field

from channels.config import AccountConfig, ChannelConfig, DmPolicy, GroupPolicy


class WebConfig(ChannelConfig):
    """Open by default: whoever speaks here has shown the gateway a token."""

    accounts: dict[str, AccountConfig] = Field(default_factory=lambda: {"default": AccountConfig()})
    dm_policy: DmPolicy = "open"
    group_policy: GroupPolicy = "open"
    require_mention: bool = False
