"""Updates that Telegram brings: believed with the secret alone, acknowledged once they are on disk."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr, ValidationError

from channels.clock import ManualClock, SystemClock
from channels.errors import Unauthorized
from channels.port import HttpRequest
from channels.registry import load_manifests, open_channel
from channels.simulator.seed import FIRST_USER
from channels.simulator.server import run_simulator
from channels.telegram.channel import TelegramChannel
from channels.telegram.config import TelegramWebhook
from channels.telegram.webhook import CHECK_SECONDS
from channels.testing import MemoryInbox, eventually, receiving
from tests.gateway_bot import gateway_bot
from tests.ports import free_port
from tests.unit.channels.setting import ScriptedApi, refusal, result, scripted_api, telegram_context

SECRET: Final = "s" * 40
URL: Final = "https://bot.example.org"
UPDATE: Final = {"update_id": 7, "message": {"message_id": 1, "text": "hi"}}


@asynccontextmanager
async def door(clock: ManualClock, *, polls: bool = False) -> AsyncIterator[tuple[ScriptedApi, TelegramChannel]]:
    async with scripted_api() as api:
        context = telegram_context(api.base, clock)
        webhook = None if polls else TelegramWebhook(url=URL + "/", secret=SecretStr(SECRET))
        context.config.__dict__["webhook"] = webhook
        async with open_channel(load_manifests()["telegram"], context) as channel:
            assert isinstance(channel, TelegramChannel)
            yield api, channel


def _request(body: object = UPDATE, **headers: str) -> HttpRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest({"x-telegram-bot-api-secret-token": SECRET} | headers, content)


async def test_what_telegram_brings_is_stored_before_it_is_acknowledged() -> None:
    inbox = MemoryInbox()
    async with door(ManualClock()) as (api, channel), receiving(channel, inbox):
        await eventually(lambda: bool(api.calls_of("setWebhook")))
        response = await channel.take_request(_request())
    assert (response.status, response.body) == (200, {})
    assert json.loads(inbox.stored["7"].raw) == UPDATE
    (asked,) = api.calls_of("setWebhook")
    assert asked["url"] == f"{URL}/channels/telegram/default"
    assert asked["secret_token"] == SECRET
    assert asked["max_connections"] in {1, "1"}
    assert not api.calls_of("deleteWebhook"), "what waits at Telegram must stay"


@pytest.mark.parametrize("secret", ["", "x", SECRET[:-1], SECRET + "s", "密" * 40, "\udcff"])
async def test_whoever_does_not_know_the_secret_leaves_no_trace(secret: str) -> None:
    inbox = MemoryInbox()
    async with door(ManualClock()) as (api, channel), receiving(channel, inbox):
        await eventually(lambda: bool(api.calls_of("setWebhook")))
        request = _request(**{"x-telegram-bot-api-secret-token": secret})
        assert (await channel.take_request(request)).status == 401
        assert (await channel.take_request(HttpRequest({}, request.body))).status == 401
    assert not inbox.offered


@pytest.mark.parametrize("body", [b"", b"no json", b"\xff", b"[" * 200_000, b"9" * 5000], ids=lambda body: body[:9])
async def test_what_is_no_json_is_told_so(body: bytes) -> None:
    inbox = MemoryInbox()
    async with door(ManualClock()) as (_, channel), receiving(channel, inbox):
        assert (await channel.take_request(_request(body))).status == 400
    assert not inbox.offered


async def test_an_update_that_cannot_be_read_is_kept_for_a_person() -> None:
    inbox = MemoryInbox()
    async with door(ManualClock()) as (api, channel), receiving(channel, inbox):
        await eventually(lambda: bool(api.calls_of("setWebhook")))
        for _ in range(2):
            assert (await channel.take_request(_request(["odd"]))).status == 200
    assert len(inbox.stored) == 1


async def test_telegram_is_asked_to_bring_again_what_cannot_be_stored() -> None:
    inbox = MemoryInbox(OSError("the disk is full"))
    async with door(ManualClock()) as (api, channel):
        assert (await channel.take_request(_request())).status == 503
        async with receiving(channel, inbox):
            await eventually(lambda: bool(api.calls_of("setWebhook")))
            assert (await channel.take_request(_request())).status == 503
            inbox.refusal = None
            assert (await channel.take_request(_request())).status == 200
        assert (await channel.take_request(_request())).status == 503


async def test_a_bot_that_polls_takes_no_requests() -> None:
    async with door(ManualClock(), polls=True) as (_, channel):
        assert (await channel.take_request(_request())).status == 404


async def test_a_webhook_that_others_have_changed_is_set_anew_and_faults_are_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    ours = {"url": f"{URL}/channels/telegram/default", "last_error_date": 5, "last_error_message": "no route"}
    async with door(clock) as (api, channel), receiving(channel, MemoryInbox()):
        api.script["getWebhookInfo"].extend([result(ours), result({"url": ""}), result(ours)])
        for number in range(1, 4):
            await eventually(lambda: clock.sleepers > 0)
            await clock.advance(CHECK_SECONDS)
            await eventually(lambda number=number: len(api.calls_of("getWebhookInfo")) == number)  # type: ignore[misc]
        await eventually(lambda: clock.sleepers > 0)
        assert len(api.calls_of("setWebhook")) == 2
    told = [record.message for record in caplog.records if record.name.startswith("channels.telegram")]
    assert told.count("Telegram cannot deliver to the webhook") == 1
    assert told.count("Somebody else has changed the webhook; setting it anew") == 1


async def test_a_refused_token_is_told_and_all_else_is_waited_out() -> None:
    clock = ManualClock()
    async with door(clock) as (api, channel):
        api.script["setWebhook"].extend([refusal(500, "Internal Server Error"), refusal(401, "Unauthorized")])
        receiver = asyncio.create_task(channel.receive(MemoryInbox()))
        await eventually(lambda: bool(api.calls_of("setWebhook")) and clock.sleepers > 0)
        assert not receiver.done()
        await clock.advance(2)
        with pytest.raises(Unauthorized):
            await receiver


@pytest.mark.parametrize("secret", ["", "short", "x" * 257, "with spaces in it, and long enough"])
def test_a_secret_that_can_be_guessed_is_refused(secret: str) -> None:
    with pytest.raises(ValidationError, match="openssl rand -hex 32"):
        TelegramWebhook(url=URL, secret=SecretStr(secret))


async def test_a_whole_bot_answers_over_the_webhook(tmp_path: Path) -> None:
    port = free_port()
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        telegram: dict[str, Any] = {
            "accounts": {"default": {"token": simulator.telegram_token}},
            "api_base": simulator.telegram_api_base,
            "dm_policy": "open",
            "webhook": {"url": f"http://127.0.0.1:{port}", "secret": SECRET},
        }
        settings = {"gateway": {"port": port, "rate_per_second": None}, "channels": {"telegram": telegram}}
        simulator.telegram.say(FIRST_USER, FIRST_USER, "before anybody listens")
        bindings = "agents: [{id: parrot, kind: echo}]\nbindings: []\ndefaults: {agent: parrot}\n"
        async with gateway_bot(tmp_path, json.dumps(settings), bindings=bindings):
            await simulator.telegram.wait_for_sent(1)
            for number in range(5):
                simulator.telegram.say(FIRST_USER, FIRST_USER, f"number {number}")
            sent = await simulator.telegram.wait_for_sent(6)
        assert [each["text"] for each in sent] == ["before anybody listens", *(f"number {n}" for n in range(5))]
        assert simulator.telegram.calls["getUpdates"] == 0
