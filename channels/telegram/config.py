"""The settings of the Telegram channel."""

from typing import Annotated

from pydantic import AfterValidator, Field

from channels.config import ChannelConfig, Strict


def _root(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// or http://")
    return address.rstrip("/")


PositiveRate = Annotated[float, Field(gt=0)]


class TelegramRate(Strict):
    """How much is sent at most; None is no limit (a local server).

    https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    """

    bot_per_second: PositiveRate | None = 30
    chat_per_second: PositiveRate | None = 1
    group_per_minute: PositiveRate | None = 20


class TelegramConfig(ChannelConfig):
    """`api_base` is the root of the Bot API: calls go to `<api_base>/bot<token>/<method>`."""

    api_base: Annotated[str, AfterValidator(_root)] = "https://api.telegram.org"
    rate: TelegramRate = Field(default_factory=TelegramRate)
