"""What platforms' HTTP clients share: how an exchange of aiohttp's failed, and how a body is read in part."""

from typing import Final, Literal

import aiohttp

BreakDown = Literal["not_reached", "too_late", "broken"]
"""`not_reached`: no request left this machine. Otherwise nobody knows whether it was carried out."""

_NOT_REACHED: Final = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
)


def break_down(error: Exception, platform: str) -> tuple[BreakDown, str]:
    """How an exchange with `platform` failed, and one line for people without an address.

    https://docs.aiohttp.org/en/stable/client_reference.html#hierarchy-of-exceptions
    """
    what = type(error).__name__
    if isinstance(error, _NOT_REACHED):
        return "not_reached", f"{platform} cannot be reached ({what})"
    if isinstance(error, TimeoutError):
        return "too_late", f"{platform} did not answer in time ({what})"
    return "broken", f"the connection to {platform} broke ({what})"


async def read_first(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    """The first `most_bytes` of a body."""
    read = bytearray()
    while len(read) < most_bytes and (more := await content.read(most_bytes - len(read))):
        read += more
    return bytes(read)
