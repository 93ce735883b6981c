"""Results on their way to the address that was given with the task: signed, again and again, one success."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from standardwebhooks import Webhook

from bot.delivery.item import OutboxItem
from bot.dispatch.poster import POSTED, RESULTS, open_poster
from bot.house import House
from bot.tasks.keys import TaskKeys
from bot.tasks.task import TaskRequest
from bot.web_guard import Resolve, look_up
from channels.clock import ManualClock
from channels.signature import is_signed_by, new_key, read_signed
from tests.gateway_bot import gateway_bot
from tests.patience import PATIENCE_SECONDS
from tests.unit.webhooks.setting import Desk, open_desk

PRIVATE: Final = {"webhook_port": 0, "webhook_rate_per_second": None, "private_hosts": ["127.0.0.1"]}


class Receiver:
    """A server that is there, or not. `statuses` are given in turn, then 204."""

    def __init__(self) -> None:
        self.attempts: list[tuple[int, str, Mapping[str, str]]] = []
        self.statuses: list[int] = []
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._port = 0

    @property
    def successes(self) -> list[dict[str, Any]]:
        return [json.loads(body) for status, body, _ in self.attempts if status == 204]

    async def open(self) -> None:
        app = web.Application()
        app.router.add_post("/results", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True).start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}/results"

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _take(self, request: web.Request) -> web.Response:
        status = self.statuses.pop(0) if self.statuses else 204
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.attempts.append((status, await request.text(), headers))
        return web.Response(status=status)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    server = Receiver()
    await server.open()
    yield server
    await server.close()


@asynccontextmanager
async def posting(
    folder: Path, clock: ManualClock, dispatch: Mapping[str, Any] = PRIVATE, resolve: Resolve = look_up
) -> AsyncIterator[Desk]:
    """One life of a bot that posts results."""
    async with open_desk(folder, dispatch, clock) as desk, AsyncExitStack() as stack:
        house, hosts = desk.house, desk.house.settings.dispatch.private_hosts
        poster = await stack.enter_async_context(open_poster(house.stores.tasks, desk.keys, clock, hosts, resolve))
        await stack.enter_async_context(house.delivery.worker.outlet(*RESULTS, poster))
        await house.dispatcher.look_after()
        yield desk


async def create(house: House, url: str) -> tuple[str, str]:
    request = TaskRequest("x", "kimi", "test:1", "en", runner="external", webhook_url=url)
    task_id, _, statement = house.stores.tasks.create(request, 99, 99)
    key, keeping = TaskKeys(house.stores.storage, house.clock).first(task_id)
    await house.stores.storage.commit([statement, keeping])
    return task_id, key


async def pass_seconds(desk: Desk, seconds: int) -> None:
    """Let time pass as the running bot does: a look every second."""
    for _ in range(seconds):
        await desk.clock.advance(1)
        await desk.house.delivery.worker.tick(*RESULTS)
        await desk.house.delivery.worker.wait_idle(20)


async def rows(desk: Desk, task_id: str, attempt: int = 1) -> Sequence[OutboxItem]:
    return await desk.house.stores.outbox.of_source("task", f"{task_id}:{attempt}{POSTED}")


async def test_a_receiver_down_for_ten_minutes_and_two_restarts_give_one_success(
    tmp_path: Path, receiver: Receiver
) -> None:
    clock = ManualClock()
    await receiver.close()
    async with posting(tmp_path, clock) as desk:
        task_id, key = await create(desk.house, receiver.url)
        assert (await desk.post(task_id, key)).status_code == 202
        await pass_seconds(desk, 200)
    async with posting(tmp_path, clock) as desk:
        await pass_seconds(desk, 200)
    async with posting(tmp_path, clock) as desk:
        await pass_seconds(desk, 190)
        assert not receiver.attempts
        await receiver.open()
        await pass_seconds(desk, 1000)
        (row,) = await rows(desk, task_id)
        assert row.state == "sent"
    ((status, body, headers),) = receiver.attempts
    result = json.loads(body)
    assert (status, result["task_id"], result["status"], result["output"]) == (204, task_id, "done", "寫好了")
    assert result["finished_at"] is not None
    signed = read_signed(headers)
    assert signed is not None
    assert is_signed_by([key], signed, body.encode())
    assert headers["webhook-signature"] == Webhook(key).sign(headers["webhook-id"], signed.sent, body)
    assert key not in body


async def test_whoever_fails_to_say_that_it_took_the_result_gets_it_again_under_the_same_id(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.statuses = [500, 429, 503, 401]
    async with posting(tmp_path, ManualClock()) as desk:
        task_id, key = await create(desk.house, receiver.url)
        await desk.post(task_id, key)
        await pass_seconds(desk, 1000)
        (row,) = await rows(desk, task_id)
    assert [status for status, *_ in receiver.attempts] == [500, 429, 503, 401, 204]
    assert {headers["webhook-id"] for *_, headers in receiver.attempts} == {row.id}
    assert len({body for _, body, _ in receiver.attempts}) == 1
    assert len(receiver.successes) == 1


async def test_a_result_that_nobody_takes_is_a_dead_letter_that_can_be_sent_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    receiver.statuses = [410]
    async with posting(tmp_path, ManualClock()) as desk:
        task_id, key = await create(desk.house, receiver.url)
        await desk.post(task_id, key)
        await pass_seconds(desk, 60)
        (row,) = await rows(desk, task_id)
        assert (row.state, row.reason) == ("failed", "refused: the receiver answered 410")
        await desk.house.dispatcher.look_after()
        await pass_seconds(desk, 60)
        assert len(receiver.attempts) == 1
        await desk.house.stores.storage.commit([desk.house.stores.outbox.retry(row)])
        await pass_seconds(desk, 2)
    assert len(receiver.successes) == 1


async def test_a_task_that_another_process_ended_is_posted_too(tmp_path: Path, receiver: Receiver) -> None:
    async with posting(tmp_path, ManualClock()) as desk:
        task_id, _ = await create(desk.house, receiver.url)
        await desk.house.stores.storage.commit([desk.house.stores.tasks.cancel(task_id)])
        for _ in range(3):
            await desk.house.dispatcher.look_after()
            await pass_seconds(desk, 2)
        await desk.house.stores.storage.commit([desk.house.stores.tasks.retry(await desk.task(task_id))])
        await desk.clock.advance(86_401)
        await desk.house.dispatcher.look_after()
        await pass_seconds(desk, 2)
    assert [each["status"] for each in receiver.successes] == ["cancelled", "timed_out"]


async def test_both_live_keys_sign_while_one_takes_the_others_place(tmp_path: Path, receiver: Receiver) -> None:
    async with posting(tmp_path, ManualClock()) as desk:
        task_id, key = await create(desk.house, receiver.url)
        newer, statements = desk.keys.next(task_id)
        await desk.house.stores.storage.commit(statements)
        await desk.post(task_id, newer)
        await pass_seconds(desk, 2)
    ((_, body, headers),) = receiver.attempts
    signed = read_signed(headers)
    assert signed is not None
    assert all(is_signed_by([each], signed, body.encode()) for each in (key, newer))


async def test_neither_key_nor_address_stands_in_the_outbox_or_the_log(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    receiver.statuses = [500, 403]
    async with posting(tmp_path, ManualClock()) as desk:
        task_id, key = await create(desk.house, f"{receiver.url}?canary-token")
        await desk.post(task_id, new_key())
        await desk.post(task_id, key)
        await pass_seconds(desk, 40)
        (row,) = await rows(desk, task_id)
    assert receiver.successes
    for text in (repr(row), caplog.text):
        assert key not in text
        assert "canary-token" not in text


async def test_a_posted_result_does_not_acknowledge_the_notice(tmp_path: Path, receiver: Receiver) -> None:
    async with posting(tmp_path, ManualClock()) as desk:
        task_id, key = await create(desk.house, receiver.url)
        await desk.post(task_id, key)
        await pass_seconds(desk, 2)
        assert not (await desk.task(task_id)).acknowledged
    assert len(receiver.successes) == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2a00::5efe:7f00:1"],
)
async def test_a_name_that_leads_inside_gets_nothing(tmp_path: Path, receiver: Receiver, address: str) -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.216.34", address]

    outside = receiver.url.replace("127.0.0.1", "hooks.example.org")
    async with posting(tmp_path, ManualClock(), PRIVATE | {"private_hosts": []}, resolve) as desk:
        task_id, key = await create(desk.house, outside)
        await desk.post(task_id, key)
        await pass_seconds(desk, 2)
        (row,) = await rows(desk, task_id)
    assert row.state == "failed"
    assert row.reason is not None
    assert "not on the open Internet" in row.reason
    assert not receiver.attempts


async def test_no_redirect_is_followed(tmp_path: Path, receiver: Receiver) -> None:
    receiver.statuses = [307]
    async with posting(tmp_path, ManualClock()) as desk:
        task_id, key = await create(desk.house, receiver.url)
        await desk.post(task_id, key)
        await pass_seconds(desk, 60)
        (row,) = await rows(desk, task_id)
    assert row.state == "failed"
    assert len(receiver.attempts) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://localhost./x",
        "http://[::ffff:127.0.0.1]/",
        "http://u:p@example.org/",
        "ftp://example.org/",
        "https://example.org:25/",
        "gopher://x",
        "http://[",
        "",
    ],
)
async def test_an_address_that_may_not_be_posted_to_makes_no_task(tmp_path: Path, url: str) -> None:
    settings = "gateway: {port: 0, rate_per_second: null}\ndispatch: {private_hosts: [receiver.lan]}"
    async with gateway_bot(tmp_path, settings) as bot:
        for each, works in ((url, False), ("http://receiver.lan:8080/x", True)):
            params = {"prompt": "x", "webhook_url": each, "runner": "external"}
            said = (await bot.post({"jsonrpc": "2.0", "id": 1, "method": "tasks.create", "params": params})).json()
            assert ("result" in said) is works
            if not works:
                assert said["error"]["code"] == -32602
                assert "private_hosts" in said["error"]["message"]
        tasks = await bot.post({"jsonrpc": "2.0", "id": 1, "method": "tasks.list"})
        assert len(tasks.json()["result"]["tasks"]) == 1


async def test_a_whole_bot_posts_the_result_of_a_cancelled_task(tmp_path: Path, receiver: Receiver) -> None:
    settings = "gateway: {port: 0}\ndispatch: {private_hosts: ['127.0.0.1']}"
    async with gateway_bot(tmp_path, settings) as bot, bot.client() as client:
        made = await client.call("tasks.create", prompt="x", runner="external", webhook_url=receiver.url)
        await client.call("tasks.cancel", task_id=made["task_id"])
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not receiver.attempts:
                await asyncio.sleep(0)
    ((_, body, headers),) = receiver.attempts
    assert Webhook(made["secret"]).verify(body, dict(headers))["status"] == "cancelled"
