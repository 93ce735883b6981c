"""Updates that the stand-in brings to the bot itself, one at a time, after setWebhook.

https://core.telegram.org/bots/api#setwebhook. Unlike Telegram it takes any address and forgets it with the process.
"""

import asyncio
from contextlib import suppress
from typing import Final

import aiohttp

from channels.clock import Clock
from channels.simulator.telegram.updates import Updates
from channels.simulator.telegram.wire import Params, Wire

RETRY_SECONDS: Final = 1.0
ANSWER_SECONDS: Final = 30.0


class Webhook:
    """One bot's. An update is confirmed by an answer of 2xx, and brought again after any other."""

    def __init__(self, clock: Clock, updates: Updates) -> None:
        self._clock = clock
        self._updates = updates
        self._secret = ""
        self._error: tuple[int, str] | None = None
        self._pushing: asyncio.Task[None] | None = None

    def set(self, params: Params) -> bool:
        """An empty url takes the webhook away."""
        self.close()
        self._updates.allow(params)
        if params.flag("drop_pending_updates"):
            self._updates.forget_all()
        self._updates.webhook_url, self._secret = params.text("url"), params.text("secret_token")
        if self._updates.webhook_url:
            self._pushing = asyncio.create_task(self._push(self._updates.webhook_url), name="webhook")
        return True

    def delete(self, params: Params) -> bool:
        self.close()
        self._updates.webhook_url = ""
        if params.flag("drop_pending_updates"):
            self._updates.forget_all()
        return True

    def info(self, _params: Params) -> Wire:
        told: Wire = {
            "url": self._updates.webhook_url,
            "has_custom_certificate": False,
            "pending_update_count": len(self._updates.pending),
        }
        if self._error is not None:
            told["last_error_date"], told["last_error_message"] = self._error
        return told

    def close(self) -> None:
        """Bring nothing more."""
        if self._pushing is not None:
            self._pushing.cancel()

    async def _push(self, url: str) -> None:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS)) as http:
            while True:
                update = await self._updates.first()
                refusal = await self._bring(http, url, update)
                if refusal is None:
                    self._updates.confirm_first(update)
                else:
                    self._error = (int(self._clock.now().timestamp()), refusal)
                    await self._clock.sleep(RETRY_SECONDS)

    async def _bring(self, http: aiohttp.ClientSession, url: str, update: Wire) -> str | None:
        """None when it was taken; otherwise what went wrong."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self._secret} if self._secret else {}
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with http.post(url, json=update, headers=headers, allow_redirects=False) as response:
                if response.ok and response.status < 300:
                    return None
                return f"Wrong response from the webhook: {response.status} {response.reason}"
        return "Connection failed"
