"""Settings by which requests from outside would not arrive. Pure."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from bot.gateway.guard import LOOPBACK
from bot.settings.model import Settings
from channels.telegram.config import TelegramConfig
from channels.webhook.config import WebhookConfig


def webhook_faults(settings: Settings) -> Iterator[str]:
    """What is wrong and what to do about it, a line each."""
    gateway = settings.gateway
    known = {name.lower() for name in (*LOOPBACK, gateway.host, *gateway.hosts)}
    for name, config in settings.channels.items():
        webhook = config.webhook if isinstance(config, TelegramConfig) else None
        takes_requests = webhook is not None or (isinstance(config, WebhookConfig) and bool(config.accounts))
        if not config.enabled or not takes_requests:
            continue
        if not gateway.enabled:
            yield f"channels.{name} takes its requests on the gateway: set gateway.enabled to true"
        host = None if webhook is None else urlsplit(webhook.url).hostname
        if host is not None and host not in known:
            yield f"Telegram comes to {host}, a name that the gateway does not answer to: put it into gateway.hosts"
