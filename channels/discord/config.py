"""The settings of the Discord channel."""

from typing import Annotated

from pydantic import AfterValidator, Field

from channels.config import ChannelConfig, Strict


def _root(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return address.rstrip("/")


PositiveRate = Annotated[float, Field(gt=0)]


class DiscordRate(Strict):
    """How much is sent at most; None is no limit (a local server).

    https://discord.com/developers/docs/topics/rate-limits: 50 requests a second for the bot; a channel's own limit
    comes with each answer and is kept too.
    """

    bot_per_second: PositiveRate | None = 50
    chat_per_second: PositiveRate | None = 1


class DiscordConfig(ChannelConfig):
    """`api_base` is the root of the REST API; the address of the gateway is asked there."""

    api_base: Annotated[str, AfterValidator(_root)] = "https://discord.com/api/v10"
    rate: DiscordRate = Field(default_factory=DiscordRate)
