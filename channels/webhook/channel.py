"""Programs that speak with the bot over HTTP: they post to the gateway, answers are posted to them, all signed."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from pydantic import ValidationError
from typing_extensions import override

from channels.awaiting import AwaitingChannel
from channels.capabilities import Capabilities
from channels.clock import Clock
from channels.for_programs import render_message
from channels.message import Delivery, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import (
    Channel,
    ChannelContext,
    HttpRequest,
    HttpResponse,
    RawUpdate,
    TakesRequests,
)
from channels.signature import is_signed_by, is_timely, read_signed
from channels.webhook.config import WebhookAccount
from channels.webhook.parse import Said, Stored, parse_said
from channels.webhook.posting import open_http, post_signed
from channels.webhook.render import render_body

log = logging.getLogger(__name__)

CAPABILITIES: Final = Capabilities(
    text_limit=None, text_unit="characters", markup="markdown", threads=True, buttons=True
)


@asynccontextmanager
async def open_webhook(context: ChannelContext) -> AsyncIterator[Channel]:
    async with open_http() as http:
        yield WebhookChannel(context.account, context.config.accounts[context.account], context.clock, http)


class WebhookChannel(AwaitingChannel, TakesRequests):
    """Takes signed requests, and posts signed answers."""

    capabilities = CAPABILITIES

    def __init__(self, account: str, settings: WebhookAccount, clock: Clock, http: aiohttp.ClientSession) -> None:
        self._account = account
        self._keys = [secret.get_secret_value() for secret in settings.secrets]
        self._reply_url = settings.reply_url
        self._clock = clock
        self._http = http

    @property
    @override
    def identity(self) -> str:
        return f"/channels/webhook/{self._account}"

    @override
    async def take_request(self, request: HttpRequest) -> HttpResponse:
        """202 once it is on disk. What comes again (`id` in the body) is stored once, however it was signed."""
        signed = read_signed(request.headers)
        if signed is None or not is_signed_by(self._keys, signed, request.body):
            return _refusal(401, "sign the request after the Standard Webhooks specification, with this account's key")
        if not is_timely(signed, self._clock.now()):
            return _refusal(401, "webhook-timestamp is more than five minutes off: set the clock, and sign anew")
        try:
            said = Said.model_validate_json(request.body)
        except ValidationError as error:
            return _refusal(400, _told(error))
        if self._inbox is None:
            return _refusal(503, "the bot takes no messages right now: try again in a moment")
        stored = Stored(**dict(said), sent_at=signed.sent)
        try:
            await self._inbox.store([RawUpdate(said.id, stored.model_dump_json())])
        except Exception as error:  # noqa: BLE001 - whatever keeps it from the disk: the sender must try again
            log.warning("A webhook could not be stored", extra={"account": self._account, "error": str(error)})
            return _refusal(503, "the message could not be stored: try again in a moment")
        return HttpResponse(202, {"id": said.id})

    @override
    def parse(self, raw: JsonObject) -> InboundMessage | None:
        return parse_said(raw, self._account)

    @override
    def render(self, message: OutboundMessage) -> Sequence[JsonObject]:
        return render_message(message)

    @override
    async def send(self, delivery: Delivery) -> Receipt:
        content = render_body(delivery)
        await post_signed(self._http, self._reply_url, self._keys, delivery.id, self._clock.now(), content)
        return Receipt(delivery.id)


def _refusal(status: int, words: str) -> HttpResponse:
    return HttpResponse(status, {"error": words})


def _told(error: ValidationError) -> str:
    """Where each fault is and what is wrong there; nothing that was sent is repeated."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(str(each) for each in fault['loc'])}: {fault['msg']}" for fault in faults)
