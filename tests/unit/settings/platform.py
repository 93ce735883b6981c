"""A channel as a plugin would declare it, for the settings' tests."""

from collections.abc import Mapping

from pydantic import Field, field_validator

from channels.config import AccountConfig, ChannelConfig, Strict
from channels.port import ChannelManifest


class Rate(Strict):
    per_second: int | None = Field(default=30, ge=1)


class PlatformConfig(ChannelConfig):
    api_base: str = "https://platform.example"
    rate: Rate = Field(default_factory=Rate)


class PickyConfig(ChannelConfig):
    @field_validator("accounts")
    @classmethod
    def _with_colon(cls, accounts: dict[str, AccountConfig]) -> dict[str, AccountConfig]:
        if any(":" not in account.token.get_secret_value() for account in accounts.values() if account.token):
            raise ValueError("must have tokens with a colon")
        return accounts


def manifest(name: str, config: str = "tests.unit.settings.platform:PlatformConfig") -> ChannelManifest:
    return ChannelManifest(
        name=name,
        config=config,
        open="tests.unit.settings.platform:nothing",
        id_problem=lambda *_: None,
        token_variable=f"{name.upper()}_BOT_TOKEN",
    )


MANIFESTS: Mapping[str, ChannelManifest] = {"telegram": manifest("telegram"), "discord": manifest("discord")}
