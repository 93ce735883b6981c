"""The settings of the Discord channel."""

from pydantic import Field

from channels.config import BotChannelConfig, PositiveRate, Root, Strict


class DiscordRate(Strict):
    """How much is sent at most; None is no limit (a local server).

    https://discord.com/developers/docs/topics/rate-limits: 50 requests a second for the bot; a channel's own limit
    comes with each answer and is kept too.
    """

    bot_per_second: PositiveRate | None = 50
    chat_per_second: PositiveRate | None = 1


class DiscordConfig(BotChannelConfig):
    """`api_base` is the root of the REST API; the address of the gateway is asked there."""

    api_base: Root = "https://discord.com/api/v10"
    rate: DiscordRate = Field(default_factory=DiscordRate)
