"""What the webhook channel believes, stores and answers, over a whole bot and real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from bot.settings.load import load_settings
from channels.clock import ManualClock
from channels.errors import NotSent, OutcomeUnknown, RateLimited, Refused
from channels.port import HttpRequest
from channels.registry import load_manifests
from channels.signature import new_key, sign
from channels.testing import MemoryInbox, eventually, receiving
from channels.webhook.channel import WebhookChannel
from channels.webhook.config import WebhookAccount
from channels.webhook.posting import open_http, post_signed
from routing.document import FileFaults
from tests.gateway_bot import gateway_bot
from tests.patience import PATIENCE_SECONDS

KEY: Final = new_key()
OLD_KEY: Final = new_key()


class Answers:
    """A server for `reply_url`. `statuses` are given in turn, then 204."""

    def __init__(self) -> None:
        self.taken: asyncio.Queue[tuple[str, Mapping[str, str]]] = asyncio.Queue()
        self.statuses: list[tuple[int, dict[str, str]]] = []
        self.url = ""

    async def _take(self, request: web.Request) -> web.Response:
        self.taken.put_nowait((await request.text(), dict(request.headers)))
        status, headers = self.statuses.pop(0) if self.statuses else (204, {})
        return web.Response(status=status, headers=headers)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Answers"]:
        app = web.Application()
        app.router.add_post("/answers", self._take)
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/answers"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def next(self) -> tuple[str, Mapping[str, str]]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.taken.get()


@pytest.fixture
async def answers() -> AsyncIterator[Answers]:
    async with Answers().serving() as server:
        yield server


@asynccontextmanager
async def channel_alone(clock: ManualClock) -> AsyncIterator[WebhookChannel]:
    account = WebhookAccount.model_validate({"secrets": [KEY, OLD_KEY], "reply_url": "http://127.0.0.1:9/"})
    async with open_http() as http:
        yield WebhookChannel("shop", account, clock, http)


def _request(body: object, clock: ManualClock, key: str = KEY, **headers: str) -> HttpRequest:
    text = json.dumps(body)
    signed = sign([key], "msg_1", clock.now(), text)
    return HttpRequest(signed | {f"webhook-{name}": value for name, value in headers.items()}, text.encode())


SAID: Final = {"id": "m1", "text": "hello", "sender": "ann"}


@pytest.mark.parametrize("key", [KEY, OLD_KEY], ids=["new", "old"])
async def test_a_message_signed_with_a_live_key_is_stored(key: str) -> None:
    clock, inbox = ManualClock(), MemoryInbox()
    async with channel_alone(clock) as channel, receiving(channel, inbox):
        await eventually(lambda: channel.is_open)
        response = await channel.take_request(_request(SAID, clock, key))
    assert (response.status, response.body) == (202, {"id": "m1"})
    assert list(inbox.stored) == ["m1"]


@pytest.mark.parametrize(
    ("body", "changed", "status"),
    [
        (SAID, {"id": "msg_2"}, 401),
        (SAID, {"signature": ""}, 401),
        (SAID, {"timestamp": "1"}, 401),
        ({**SAID, "id": ""}, {}, 400),
        ({**SAID, "text": 1}, {}, 400),
        ({**SAID, "peer": {"kind": "party", "id": "1"}}, {}, 400),
        ({"id": "m1", "text": "hello"}, {}, 400),
        ([SAID], {}, 400),
        ({**SAID, "text": "\ud800"}, {}, 400),
    ],
)
async def test_what_is_forged_or_malformed_leaves_no_trace(body: object, changed: dict[str, str], status: int) -> None:
    clock, inbox = ManualClock(), MemoryInbox()
    async with channel_alone(clock) as channel, receiving(channel, inbox):
        await eventually(lambda: channel.is_open)
        response = await channel.take_request(_request(body, clock, **changed))
    assert response.status == status
    assert response.body["error"]
    assert not inbox.offered


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_message_that_was_signed_at_another_time_is_refused(minutes: int) -> None:
    clock, inbox = ManualClock(), MemoryInbox()
    request = _request(SAID, ManualClock(clock.now() + timedelta(minutes=minutes)))
    async with channel_alone(clock) as channel, receiving(channel, inbox):
        await eventually(lambda: channel.is_open)
        response = await channel.take_request(request)
    assert response.status == 401
    assert not inbox.offered


async def test_what_cannot_be_stored_is_to_be_sent_again() -> None:
    clock, inbox = ManualClock(), MemoryInbox(OSError("the disk is full"))
    async with channel_alone(clock) as channel:
        assert (await channel.take_request(_request(SAID, clock))).status == 503
        async with receiving(channel, inbox):
            await eventually(lambda: channel.is_open)
            assert (await channel.take_request(_request(SAID, clock))).status == 503
            inbox.refusal = None
            assert (await channel.take_request(_request(SAID, clock))).status == 202


@pytest.mark.parametrize(
    ("peer", "kind", "chat"),
    [(None, "direct", "ann"), ("room", "group", "room"), ({"kind": "channel", "id": "news"}, "channel", "news")],
)
async def test_the_chat_is_the_peer_or_the_sender(peer: object, kind: str, chat: str) -> None:
    raw = {**SAID, "peer": peer, "sent_at": "2026-01-01T00:00:00Z"}
    async with channel_alone(ManualClock()) as channel:
        said = channel.parse(raw)
    assert said is not None
    assert (said.address.peer.kind, said.address.peer.id, said.origin.chat) == (kind, chat, chat)
    assert said.sender_name == "ann"


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (302, {"Location": "/answers"}, Refused),
        (400, {}, Refused),
        (410, {}, Refused),
        (401, {}, NotSent),
        (408, {}, NotSent),
        (429, {}, RateLimited),
        (503, {"Retry-After": "3"}, RateLimited),
        (503, {}, OutcomeUnknown),
        (500, {}, OutcomeUnknown),
    ],
)
async def test_an_answer_says_what_to_do_next(
    answers: Answers, status: int, headers: dict[str, str], error: type[Exception]
) -> None:
    answers.statuses = [(status, headers)]
    async with open_http() as http:
        with pytest.raises(error) as caught:
            await post_signed(http, answers.url, [KEY], "1", datetime.now(UTC), {"text": "a"})
    assert type(caught.value) is error
    assert answers.taken.qsize() == 1, "a redirect was followed"


async def test_a_program_asks_and_is_answered_signed_once_whatever_it_repeats(tmp_path: Path, answers: Answers) -> None:
    settings = {
        "gateway": {"port": 0, "rate_per_second": None},
        "channels": {"webhook": {"accounts": {"shop": {"secrets": [KEY, OLD_KEY], "reply_url": answers.url}}}},
    }
    async with (
        gateway_bot(tmp_path, json.dumps(settings)) as bot,
        httpx.AsyncClient(base_url=bot.address, timeout=PATIENCE_SECONDS) as http,
    ):
        for number in (1, 1, 2):
            said = {"id": f"m{number}", "text": f"hello {number}", "sender": "ann", "peer": "orders", "thread": "9"}
            response = await _post(http, said)
            assert response.status_code == 202
        forged = await _post(http, {**SAID, "id": "m3"}, key=new_key())
        assert forged.status_code == 401
        assert (await _post(http, SAID, account="nobody")).status_code == 404
        heard = [await answers.next() for _ in range(2)]
    bodies = [Webhook(KEY).verify(body, dict(headers)) for body, headers in heard]
    assert [body["id"] for body in bodies] == [headers["webhook-id"] for _, headers in heard]
    first, second = bodies
    assert first["id"] != second["id"]
    assert (first["text"], first["chat"], first["thread"], first["reply_to"]) == ("hello 1", "orders", "9", "m1")
    assert second["text"] == "hello 2"


async def test_what_comes_while_the_channel_is_not_open_is_to_be_sent_again(tmp_path: Path) -> None:
    nobody = {"accounts": {"default": {"token": "1:a"}}, "api_base": "http://127.0.0.1:9"}
    settings = {"gateway": {"port": 0}, "channels": {"telegram": nobody}}
    async with (
        gateway_bot(tmp_path, json.dumps(settings)) as bot,
        httpx.AsyncClient(base_url=bot.address, timeout=PATIENCE_SECONDS) as http,
    ):
        for account, status in (("default", 503), ("other", 404)):
            assert (await http.post(f"/channels/telegram/{account}", json={})).status_code == status


async def _post(http: httpx.AsyncClient, body: Any, key: str = KEY, account: str = "shop") -> httpx.Response:
    text = json.dumps(body)
    moment = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "Webhook-Id": f"msg_{body['id']}",
        "Webhook-Timestamp": str(int(moment.timestamp())),
        "Webhook-Signature": Webhook(key).sign(f"msg_{body['id']}", moment, text),
    }
    return await http.post(f"/channels/webhook/{account}", content=text, headers=headers)


def test_settings_with_a_weak_key_or_no_address_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "javis.yaml"
    path.write_text(
        "channels:\n  webhook:\n    accounts:\n      a: {secrets: [c2hvcnQ=], reply_url: ftp://x}\n"
        f"      b: {{secrets: [{KEY}]}}\n      c: {{secrets: [], reply_url: http://x}}\n"
    )
    with pytest.raises(FileFaults) as caught:
        load_settings(path, {}, load_manifests())
    told = str(caught.value)
    assert "openssl rand -base64 32" in told
    assert "must be an address" in told
    assert "reply_url" in told
    assert "c2hvcnQ=" not in told
    assert len(caught.value.faults) == 4
