"""The settings of the Telegram channel."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr

from channels.config import BotChannelConfig, PositiveRate, Root, Strict

_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{32,256}")


def _secret(secret: SecretStr) -> SecretStr:
    if not _SECRET.fullmatch(secret.get_secret_value()):
        raise ValueError("must be 32 to 256 letters, digits, _ and -: make them with openssl rand -hex 32")
    return secret


class TelegramRate(Strict):
    """How much is sent at most; None is no limit (a local server).

    https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
    """

    bot_per_second: PositiveRate | None = 30
    chat_per_second: PositiveRate | None = 1
    group_per_minute: PositiveRate | None = 20


class TelegramWebhook(Strict):
    """Telegram comes to `<url>/channels/telegram/<account>` on the gateway and shows `secret` there.

    https://core.telegram.org/bots/api#setwebhook: https, except for a Bot API server of one's own. With more than one
    of its `connections` at once updates may come out of order.
    """

    url: Root
    secret: Annotated[SecretStr, AfterValidator(_secret)]
    connections: int = Field(default=1, ge=1, le=100)


class TelegramConfig(BotChannelConfig):
    """`api_base` is the root of the Bot API: calls go to `<api_base>/bot<token>/<method>`. `webhook` None: we poll."""

    api_base: Root = "https://api.telegram.org"
    rate: TelegramRate = Field(default_factory=TelegramRate)
    webhook: TelegramWebhook | None = None
