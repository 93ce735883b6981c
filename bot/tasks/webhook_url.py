"""Where results of tasks may be posted. Callers name the address, so it is checked as a stranger's."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from bot.web_guard import USUAL_PORTS, check_url

_HIGH_PORTS: Final = range(1024, 65_536)  # those below belong to services that have nothing to do with webhooks


def check_webhook_url(url: str, private_hosts: Collection[str]) -> None:
    """Raises AddressRefused for an address that results are never posted to, as far as its writing tells.

    `private_hosts` are the names that may lead into the owner's own network.
    """
    if not is_private(url, private_hosts):
        check_url(url, ports=_HIGH_PORTS if _port(url) in _HIGH_PORTS else USUAL_PORTS)


def is_private(url: str, private_hosts: Collection[str]) -> bool:
    """Whether the owner has named the URL's host as one of the own network."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and "@" not in parts.netloc and parts.hostname in private_hosts


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None
