"""Values of the settings that are more than text or a number."""

import re
from datetime import time
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import tzlocal
from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, SecretStr, StringConstraints

from routing.document import nearest

HOUSE_TOOLS: Final = frozenset({"web", "memory", "remind", "chats"})
"""What stands before the `_` in the names of the house's own tools: whoever allows those must allow no others."""

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def utc() -> ZoneInfo:
    """The zone that holds where nobody named one."""
    return ZoneInfo("UTC")


def here() -> ZoneInfo:
    """The machine's own zone; UTC where it has none that has a name."""
    try:
        return ZoneInfo(str(tzlocal.get_localzone().key))
    except (ValueError, OSError, ZoneInfoNotFoundError):  # an unreadable or odd /etc/localtime
        return utc()


def is_http_address(text: str) -> bool:
    """True for an http or https URL with a host."""
    try:
        url = urlsplit(text)
        return url.scheme in {"http", "https"} and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def _http_address(text: str) -> str:
    if not is_http_address(text):
        raise ValueError("must be an address that begins with https:// or http://")
    return text


def _proxy_address(secret: SecretStr) -> SecretStr:
    try:
        url = urlsplit(secret.get_secret_value())
        sound = url.scheme in {"http", "https", "socks5", "socks5h"} and bool(url.hostname) and url.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise ValueError("must be an address that begins with http://, https://, socks5:// or socks5h://")
    return secret


def _header_value(secret: SecretStr) -> SecretStr:
    value = secret.get_secret_value()
    if not (value.isascii() and value.isprintable()):
        raise ValueError("must be one line of ASCII characters")
    return secret


def _number(value: Any) -> Any:
    # What comes from ${NAME} is always text.
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10
    return int(value) if is_number else value


def _wall_time(value: Any) -> Any:
    if isinstance(value, time):
        return value
    if value == "24:00":
        return time(0)
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError('must be a time of day like "08:00", in quotes')
    return time(int(found[1]), int(found[2]))


def _zone(value: Any) -> Any:
    if value is None:
        return utc()
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(str(value), available_timezones())
        raise ValueError(f"must be a time zone like {near or 'Asia/Taipei'}") from None


def _server_name(name: str) -> str:
    if name in HOUSE_TOOLS:
        raise ValueError(f"must not have a server {name!r}, which names tools of the house: call it {name}-server")
    return name


HttpAddress = Annotated[str, AfterValidator(_http_address)]
ProxyAddress = Annotated[SecretStr, AfterValidator(_proxy_address)]
"""Secret, because it may hold a password."""
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[SecretStr, AfterValidator(_header_value)]
Port = Annotated[int, BeforeValidator(_number), Field(ge=0, le=65_535)]
WallTime = Annotated[InstanceOf[time], BeforeValidator(_wall_time)]
"""A time of day, written `"HH:MM"`; `"24:00"` is midnight."""
Zone = Annotated[InstanceOf[ZoneInfo], BeforeValidator(_zone)]
"""An IANA time zone; null is UTC."""
LocalZone = Annotated[InstanceOf[ZoneInfo], BeforeValidator(lambda value: here() if value is None else _zone(value))]
"""An IANA time zone; null is the machine's own."""
ServerName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,23}$"), AfterValidator(_server_name)]
"""A short name that begins the names of a server's tools, and no name of the house's own."""
