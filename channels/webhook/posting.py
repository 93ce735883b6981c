"""A signed POST to somebody else's server, and what its answer means for the next attempt."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import aiohttp

from channels.errors import NotSent, OutcomeUnknown, RateLimited, Refused
from channels.message import JsonObject
from channels.signature import sign

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 30.0
WAIT_SECONDS: Final = 30.0  # for a receiver that asks to wait and does not say how long

_TRY_LATER: Final = frozenset({401, 403, 408, 425})
"""Refusals that end without a change of the message: a key that is being replaced, a server that starts."""


def open_http(connector: aiohttp.BaseConnector | None = None) -> aiohttp.ClientSession:
    """A session for `post_signed`. It keeps no cookies and reads no proxy from the environment."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS, connect=CONNECT_SECONDS)
    return aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar(), connector=connector)


async def post_signed(
    http: aiohttp.ClientSession,
    url: str,
    keys: Sequence[str],
    message_id: str,
    moment: datetime,
    content: JsonObject,
) -> None:
    """Return when the receiver has taken it (2xx). No redirect is followed: it would carry the message elsewhere.

    Raises NotSent, RateLimited, Refused or OutcomeUnknown.
    """
    body = json.dumps(content)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Javis",
        **sign(keys, message_id, moment, body),
    }
    try:
        async with http.post(url, data=body.encode(), headers=headers, allow_redirects=False) as response:
            status, retry_after = response.status, response.headers.get("Retry-After", "")
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise NotSent(f"the receiver cannot be reached ({type(error).__name__})") from None
    except aiohttp.InvalidURL:
        raise Refused("the receiver's address is none") from None
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise OutcomeUnknown(f"the receiver did not answer ({type(error).__name__})") from None
    _check(status, retry_after)


def _check(status: int, retry_after: str) -> None:
    if 200 <= status < 300:
        return
    words = f"the receiver answered {status}"
    if status == 429 or (status == 503 and retry_after):
        raise RateLimited(_seconds(retry_after))
    if status >= 500:
        raise OutcomeUnknown(words)
    if status in _TRY_LATER:
        raise NotSent(words)
    raise Refused(f"{words}: redirects are not followed" if 300 <= status < 400 else words)


def _seconds(retry_after: str) -> float:
    if retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10:
        return float(retry_after)
    return WAIT_SECONDS
