"""The line through a real Redis: quick when it works, harmless when it does not."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from bot.dispatch import redis_line
from bot.dispatch.redis_line import RedisLine, open_line
from bot.storage.sqlite import open_sqlite
from bot.tasks.store import TaskStore
from channels.clock import ManualClock, SystemClock
from tests import redis_server
from tests.gateway_bot import gateway_bot
from tests.patience import PATIENCE_SECONDS


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server.server() as url:
        yield url


@pytest.fixture(autouse=True)
def a_redis_that_is_slow_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_line, "ANSWER_SECONDS", PATIENCE_SECONDS)


@pytest.fixture
async def line(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisLine]:
    async with open_line(redis_url, str(tmp_path_factory.mktemp("database")), SystemClock()) as opened:
        yield opened


class Ears:
    """Counts how often a listener was woken."""

    def __init__(self) -> None:
        self.count = 0
        self._changed = asyncio.Condition()

    async def woken(self) -> None:
        async with self._changed:
            self.count += 1
            self._changed.notify_all()

    async def heard(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS), self._changed:
            await self._changed.wait_for(lambda: self.count >= times)


async def test_an_announcement_wakes_who_listens_on_the_same_database_alone(redis_url: str) -> None:
    clock, ours, theirs = SystemClock(), Ears(), Ears()
    async with (
        open_line(redis_url, "a", clock) as speaker,
        open_line(redis_url, "a", clock) as near,
        open_line(redis_url, "b", clock) as far,
    ):
        listening = [asyncio.create_task(near.listen(ours.woken)), asyncio.create_task(far.listen(theirs.woken))]
        await asyncio.gather(ours.heard(1), theirs.heard(1))  # at the beginning, for what was missed
        speaker.announce()
        await ours.heard(2)
        assert theirs.count == 1
        for each in listening:
            each.cancel()
        await asyncio.gather(*listening, return_exceptions=True)


async def test_who_only_listens_notices_a_way_that_is_broken(line: RedisLine) -> None:
    connection = await line._client.connection_pool.get_connection()  # type: ignore[no-untyped-call]
    ours = connection._writer.get_extra_info("socket")
    assert ours.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert {name: ours.getsockopt(socket.IPPROTO_TCP, name) for name in redis_line._PROBES} == redis_line._PROBES
    await line._client.connection_pool.release(connection)


async def test_results_are_kept_by_attempt_for_a_while(line: RedisLine, redis_url: str) -> None:
    assert await line.find("kimi-1", 1) is None
    line.keep("kimi-1", 1, {"output": "答案 \ud83d"})
    while await line.find("kimi-1", 1) is None:
        await asyncio.sleep(0)
    assert await line.find("kimi-1", 1) == {"output": "答案 \ud83d"}
    assert await line.find("kimi-1", 2) is None
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.ttl(line._result_key("kimi-1", 1)) <= redis_line.KEEP_SECONDS


async def test_a_kept_result_is_not_told_of_a_task_that_another_process_began_anew(
    tmp_path: Path, redis_url: str
) -> None:
    settings = f"gateway: {{port: 0}}\ndispatch: {{redis_url: '{redis_url}'}}\n"
    async with gateway_bot(tmp_path, settings) as bot, bot.client() as client:
        task_id = (await client.call("tasks.create", prompt="work", runner="external"))["task_id"]
        ended = await client.call("tasks.cancel", task_id=task_id)
        with redis.Redis.from_url(redis_url) as kept:
            while not list(kept.scan_iter(f"javis:*:result:{task_id}:1")):
                await client.call("tasks.get", task_id=task_id)
        assert (await client.call("tasks.get", task_id=task_id))["state"] == ended["state"] == "cancelled"
        async with open_sqlite(tmp_path / "data" / "javis.db") as beside:
            tasks = TaskStore(beside, SystemClock())
            task = await tasks.get(task_id)
            assert task is not None
            await beside.commit([tasks.retry(task)])
        assert (await client.call("tasks.get", task_id=task_id))["state"] == "running"


async def test_a_redis_that_is_gone_costs_one_failure_and_is_left_alone_for_a_while(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = ManualClock()
    with redis_server.own_server() as url:
        pass  # it has stopped
    async with open_line(url, "a", clock) as line:
        assert await line.find("kimi-1", 1) is None
        line.announce()
        line.keep("kimi-1", 1, {})
        assert await line.find("kimi-1", 1) is None
        assert len([record for record in caplog.records if "Redis does not answer" in record.message]) == 1


async def test_a_listener_comes_back_when_redis_does(redis_url: str) -> None:
    clock, ears = ManualClock(), Ears()
    async with open_line(redis_url, "flushed", clock) as line:
        listening = asyncio.create_task(line.listen(ears.woken))
        await ears.heard(1)
        with redis.Redis.from_url(redis_url) as client:
            client.client_kill_filter(_type="pubsub")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not clock.sleepers:
                await asyncio.sleep(0)
        await clock.advance(redis_line.REST_SECONDS)
        await ears.heard(2)  # looked again, for what was announced meanwhile
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
