"""Where a server of ours may listen: outside loopback only behind a strong token."""

import ipaddress

from bot.errors import ConfigurationError
from bot.gateway.tokens import is_strong
from bot.settings.doors import GatewaySettings


def check_bind(settings: GatewaySettings) -> None:
    """Raises ConfigurationError for an address that others can reach without a strong token."""
    token = settings.token.get_secret_value() if settings.token else None
    if token is not None and not is_strong(token):
        raise ConfigurationError(
            "JAVIS_GATEWAY_TOKEN is too weak: take one of javis token create, or 22 random characters and more"
        )
    if not is_loopback(settings.host) and token is None:
        raise ConfigurationError(
            f"the gateway would be open to others at {settings.host}: set JAVIS_GATEWAY_TOKEN to a strong token first, "
            "or gateway.host to 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether a server bound to `host` can be reached from this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
