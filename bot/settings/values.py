"""Values of the settings that are more than text or a number."""

import re
from datetime import time
from typing import Annotated, Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf

from routing.document import nearest

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def utc() -> ZoneInfo:
    """The zone that holds where nobody named one."""
    return ZoneInfo("UTC")


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


HttpAddress = Annotated[str, AfterValidator(_http_address)]
Port = Annotated[int, BeforeValidator(_number), Field(ge=0, le=65_535)]
WallTime = Annotated[InstanceOf[time], BeforeValidator(_wall_time)]
"""A time of day, written `"HH:MM"`; `"24:00"` is midnight."""
Zone = Annotated[InstanceOf[ZoneInfo], BeforeValidator(_zone)]
"""An IANA time zone; null is UTC."""
