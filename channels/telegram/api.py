"""Calls of the Bot API as plain JSON, for the two that carry the load (getUpdates, sendMessage).

Building and reading the library's objects would cost 200 µs a message, and one update that it cannot read would take
the whole batch with it.
"""

from collections.abc import Mapping
from typing import Any

from telegram.request import BaseRequest, RequestData
from telegram.request._requestparameter import RequestParameter  # RequestData takes nothing else


class BotApi:
    """One bot's methods. `base_url` holds its token and is never shown."""

    def __init__(self, request: BaseRequest, base_url: str) -> None:
        self._request = request
        self._base_url = base_url

    async def call(self, method: str, parameters: Mapping[str, Any], *, read_seconds: float | None = None) -> object:
        """The `result`, unchecked; None when the server gave none. `read_seconds` None: the request's own limit.

        Raises telegram.error.TelegramError.
        """
        limit = self._request.read_timeout if read_seconds is None else read_seconds
        data = RequestData([RequestParameter(name, value, None) for name, value in parameters.items()])
        return await self._request.post(f"{self._base_url}/{method}", data, read_timeout=limit)
