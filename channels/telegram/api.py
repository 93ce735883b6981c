"""Calls of the Bot API as plain JSON, for those that carry the load (getUpdates, sendMessage), and its uploads.

Building and reading the library's objects would cost 200 µs a message, and one update that it cannot read would take
the whole batch with it.
"""

from collections.abc import Mapping
from typing import Any

from telegram import InputFile
from telegram.request import RequestData
from telegram.request._requestparameter import RequestParameter  # RequestData takes nothing else

from channels.telegram.request import AiohttpRequest


class BotApi:
    """One bot's methods. `base_url` holds its token and is never shown."""

    def __init__(self, request: AiohttpRequest, base_url: str) -> None:
        self._request = request
        self._base_url = base_url

    async def call(self, method: str, parameters: Mapping[str, Any], *, read_seconds: float | None = None) -> object:
        """The `result`, unchecked; None when the server gave none. `read_seconds` None: the request's own limit.

        Raises telegram.error.TelegramError.
        """
        limit = self._request.read_timeout if read_seconds is None else read_seconds
        given = {name: value for name, value in parameters.items() if value is not None}
        return await self._request.call(f"{self._base_url}/{method}", given, limit)

    async def send_document(self, parameters: Mapping[str, Any], name: str, text: str) -> object:
        """https://core.telegram.org/bots/api#senddocument. As `call`; `parameters` are all but the file."""
        rest = [RequestParameter(key, value, None) for key, value in parameters.items()]
        file = RequestParameter.from_input("document", InputFile(text.encode(), filename=name))
        return await self._request.post(f"{self._base_url}/sendDocument", RequestData([*rest, file]))
