"""The settings that every channel shares. A channel's own model extends `ChannelConfig`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

DmPolicy = Literal["pairing", "allowlist", "open", "disabled"]
GroupPolicy = Literal["allowlist", "open", "disabled"]


class Strict(BaseModel):
    """A model that refuses keys it does not know and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class AccountConfig(Strict):
    """One bot on a platform."""

    token: SecretStr | None = None


class TopicConfig(Strict):
    """A topic's own rules; a field that is None is taken from its group."""

    policy: GroupPolicy | None = None
    require_mention: bool | None = None
    allow_from: list[str] | None = None


class GroupConfig(TopicConfig):
    """A group's own rules. A group that is listed here is on the allowlist; a Discord server with all its channels."""

    topics: dict[str, TopicConfig] = Field(default_factory=dict)


class ChannelConfig(Strict):
    """Who may speak on a channel, and with which bots it does.

    `owners` and `allow_from` hold senders' immutable platform ids. An empty `allow_from` admits nobody but owners.
    """

    enabled: bool = True
    accounts: dict[str, AccountConfig] = Field(default_factory=dict)
    dm_policy: DmPolicy = "pairing"
    group_policy: GroupPolicy = "allowlist"
    require_mention: bool = True
    owners: list[str] = Field(default_factory=list)
    allow_from: list[str] = Field(default_factory=list)
    groups: dict[str, GroupConfig] = Field(default_factory=dict)
