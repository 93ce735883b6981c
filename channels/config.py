"""The settings that every channel shares. A channel's own model extends `ChannelConfig`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

DmPolicy = Literal["pairing", "allowlist", "open", "disabled"]
GroupPolicy = Literal["allowlist", "open", "disabled"]
LongAnswers = Literal["split", "file"]


class Strict(BaseModel):
    """A model that refuses keys it does not know and never changes. Its validator is made when it is first used: a
    start uses few of them."""

    model_config = ConfigDict(defer_build=True, extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class AccountConfig(Strict):
    """One bot on a platform."""

    token: SecretStr | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it has what it needs to log in. Without that it is passed over."""
        return self.token is not None


class BotAccount(AccountConfig):
    """One bot on a chat platform. `streaming` None: as its channel."""

    streaming: bool | None = None


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
    `answer_bots` lets other bots speak as people may, but for a few words in a row only.
    `document_bytes`: so much of each document of text the agent reads; 0: none. `image_bytes`: images up to this size
    are shown to a model that sees; 0: none.
    """

    enabled: bool = True
    accounts: Mapping[str, AccountConfig] = Field(default_factory=dict)
    dm_policy: DmPolicy = "pairing"
    group_policy: GroupPolicy = "allowlist"
    require_mention: bool = True
    answer_bots: bool = False
    owners: list[str] = Field(default_factory=list)
    allow_from: list[str] = Field(default_factory=list)
    groups: dict[str, GroupConfig] = Field(default_factory=dict)
    document_bytes: int = Field(default=60_000, ge=0, le=1_000_000)
    image_bytes: int = Field(default=5_000_000, ge=0, le=10_000_000)


def _root(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return address.rstrip("/")


Root = Annotated[str, AfterValidator(_root)]
"""The address under which a server's methods lie, without a slash at its end."""

PositiveRate = Annotated[float, Field(gt=0)]


class BotChannelConfig(ChannelConfig):
    """What the chat platforms share on which a bot is one member among people.

    `long_answers`: an answer of more than three messages goes out in parts, or as one file with its beginning.
    `streaming`: an answer is shown while it is written, as a message that is edited.
    """

    accounts: Mapping[str, BotAccount] = Field(default_factory=dict)
    long_answers: LongAnswers = "split"
    streaming: bool = False

    def streams(self, account: str) -> bool:
        """Whether the account shows answers while they are written."""
        of_account = self.accounts[account].streaming
        return self.streaming if of_account is None else of_account
