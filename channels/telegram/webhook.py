"""Updates that Telegram brings to us, where the owner wants a webhook in the place of polling.

https://core.telegram.org/bots/api#setwebhook. An answer other than 2xx makes Telegram repeat the update, so 200 is
said once it is on disk. With one connection at a time, as is set here unless the settings say otherwise, updates
come in order.
"""

import hmac
import json
import logging
from typing import Final
from urllib.parse import quote

from telegram.error import NetworkError, TelegramError

from channels.clock import Clock
from channels.port import HttpRequest, HttpResponse, Inbox
from channels.telegram.api import BotApi
from channels.telegram.config import TelegramWebhook
from channels.telegram.outage import Outage
from channels.telegram.polling import ALLOWED_UPDATES, raw_update

log = logging.getLogger(__name__)

CHECK_SECONDS: Final = 300.0  # somebody else with the token may take the webhook away
SILENT_SECONDS: Final = CHECK_SECONDS + 60
SECRET_HEADER: Final = "x-telegram-bot-api-secret-token"  # noqa: S105 - a name, not a secret


class UpdateDoor:
    """Takes updates for one bot. `expected_by` is as that of Channel: what went well moves it on; None before `run`."""

    def __init__(self, api: BotApi, clock: Clock, account: str, settings: TelegramWebhook) -> None:
        self._api = api
        self._clock = clock
        self._account = account
        self._settings = settings
        self._url = f"{settings.url}/channels/telegram/{quote(account, safe='')}"
        self._secret = settings.secret.get_secret_value().encode()
        self._outage = Outage(clock, account)
        self._inbox: Inbox | None = None
        self._is_ours = False
        self._told_error: object = None
        self.expected_by: float | None = None

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled. Raises Unauthorized; everything else is waited out. The webhook stays when we go: Telegram
        keeps what comes meanwhile."""
        self.expected_by = self._clock.monotonic() + SILENT_SECONDS
        self._inbox = inbox
        try:
            while True:
                try:
                    await self._see_to_it()
                except TelegramError as error:
                    await self._outage.wait_out(error)
                    continue
                self._outage.end()
                self.expected_by = self._clock.monotonic() + SILENT_SECONDS
                await self._clock.sleep(CHECK_SECONDS)
        finally:
            self._inbox = None

    async def take(self, request: HttpRequest) -> HttpResponse:
        """200 once the update is on disk."""
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret):
            return HttpResponse(401, {"error": "this is for Telegram alone"})
        try:
            update = raw_update(json.loads(request.body))
        except (ValueError, RecursionError):
            return HttpResponse(400, {"error": "this is no update"})
        if self._inbox is None:
            return HttpResponse(503, {"error": "the bot takes no updates right now"})
        try:
            await self._inbox.store([update])
        except Exception as error:  # noqa: BLE001 - whatever keeps it from the disk: Telegram must bring it again
            log.warning("Updates cannot be stored", extra={"account": self._account, "reason": str(error)})
            return HttpResponse(503, {"error": "the update could not be stored"})
        self.expected_by = self._clock.monotonic() + SILENT_SECONDS
        return HttpResponse(200, {})

    async def _see_to_it(self) -> None:
        """Make the webhook ours, where it is not; tell what Telegram says of it."""
        info = await self._api.call("getWebhookInfo", {}) if self._is_ours else {}
        if not isinstance(info, dict):
            raise NetworkError("the answer to getWebhookInfo is no object")
        if info.get("url") != self._url:
            if self._is_ours:
                log.warning("Somebody else has changed the webhook; setting it anew", extra={"account": self._account})
            await self._api.call(
                "setWebhook",
                {
                    "url": self._url,
                    "secret_token": self._secret.decode(),
                    "allowed_updates": ALLOWED_UPDATES,
                    "max_connections": self._settings.connections,
                },
            )
            self._is_ours = True
        if info.get("last_error_date") not in {None, self._told_error}:
            self._told_error = info["last_error_date"]
            reason = str(info.get("last_error_message"))[:200]
            log.warning("Telegram cannot deliver to the webhook", extra={"account": self._account, "reason": reason})
