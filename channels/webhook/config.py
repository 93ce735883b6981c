"""The webhook channel's settings."""

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr
from typing_extensions import override

from channels.config import AccountConfig, ChannelConfig, DmPolicy, GroupPolicy
from channels.signature import key_problem


def _key(secret: SecretStr) -> SecretStr:
    problem = key_problem(secret.get_secret_value())
    if problem is not None:
        raise ValueError(problem)
    return secret


def _address(text: str) -> str:
    try:
        url = urlsplit(text)
        good = url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        good = False
    if not good:
        raise ValueError("must be an address that begins with https:// or http://")
    return text


Key = Annotated[SecretStr, AfterValidator(_key)]


class WebhookAccount(AccountConfig):
    """One program that speaks with the bot. Answers are posted to `reply_url`.

    `secrets` are the keys that it and the bot sign with, two while one takes the other's place: either is believed,
    and answers are signed with both.
    """

    token: None = None
    secrets: list[Key] = Field(min_length=1, max_length=2)
    reply_url: Annotated[str, AfterValidator(_address)]

    @property
    @override
    def is_ready(self) -> bool:
        return True


class WebhookConfig(ChannelConfig):
    """Open by default: whoever speaks here has signed for it."""

    accounts: Mapping[str, WebhookAccount] = Field(default_factory=dict)
    dm_policy: DmPolicy = "open"
    group_policy: GroupPolicy = "open"
    require_mention: bool = False
