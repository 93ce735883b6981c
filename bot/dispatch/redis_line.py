"""Redis beside the database: it tells other machines that a task waits, and keeps results that are asked for often.

Nothing depends on it. The rows are the truth and are looked at on every tick; a Redis that is slow, empty or gone
costs a wake-up that comes later, or a read of the database.
"""

import asyncio
import hashlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from typing_extensions import override

from bot.methods.desk import ResultCache
from channels.clock import Clock

log = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 0.5
REST_SECONDS: Final = 5.0  # after a failure nobody asks it for so long
KEEP_SECONDS: Final = 3600
# Who listens says nothing, so only the operating system finds out that the way there is broken.
_PROBES: Final = {
    getattr(socket, name): value
    for name, value in {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}.items()
    if hasattr(socket, name)
}
_FAULTS: Final = (RedisError, OSError, TimeoutError)


@asynccontextmanager
async def open_line(url: str, database: str, clock: Clock) -> AsyncIterator["RedisLine"]:
    """A line to the Redis at `url`, which may answer or not. `database` keeps installations apart that share it."""
    namespace = f"javis:{hashlib.sha256(database.encode()).hexdigest()[:16]}"
    client: Redis = Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        socket_keepalive=True,
        socket_keepalive_options=_PROBES,
    )
    line = RedisLine(client, namespace, clock)
    try:
        yield line
    finally:
        await line.close()


class RedisLine(ResultCache):
    """Made by `open_line`."""

    def __init__(self, client: Redis, namespace: str, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._channel = f"{namespace}:tasks"
        self._results = f"{namespace}:result:"
        self._rests_until = 0.0
        self._errands: set[asyncio.Task[None]] = set()

    def announce(self) -> None:
        """A task waits, or was cancelled: wake the other machines. Returns at once."""
        self._errand(self._publish())

    async def listen(self, woken: Callable[[], Awaitable[None]]) -> None:
        """Call `woken` whenever another machine announces something; until cancelled."""
        while True:
            try:
                async with self._client.pubsub() as line:
                    await line.subscribe(self._channel)
                    await woken()  # for what was announced while nobody listened
                    while True:
                        if await line.get_message(ignore_subscribe_messages=True, timeout=None) is not None:
                            await woken()
            except _FAULTS as error:
                self._rest(error)
                await self._clock.sleep(REST_SECONDS)

    @override
    async def find(self, task_id: str, attempt: int) -> dict[str, Any] | None:
        if self._rests:
            return None
        try:
            kept = await self._client.get(self._result_key(task_id, attempt))
            found = None if kept is None else json.loads(kept)
        except (*_FAULTS, ValueError) as error:
            self._rest(error)
            return None
        return found if isinstance(found, dict) else None

    @override
    def keep(self, task_id: str, attempt: int, result: dict[str, Any]) -> None:
        self._errand(self._keep(self._result_key(task_id, attempt), json.dumps(result)))

    async def close(self) -> None:
        await asyncio.gather(*self._errands, return_exceptions=True)  # each ends within ANSWER_SECONDS
        with suppress(*_FAULTS):
            await self._client.aclose()

    @property
    def _rests(self) -> bool:
        return self._clock.monotonic() < self._rests_until

    def _rest(self, error: Exception) -> None:
        if not self._rests:
            log.warning("Redis does not answer; the database does its work", extra={"error": type(error).__name__})
        self._rests_until = self._clock.monotonic() + REST_SECONDS

    def _errand(self, work: Coroutine[None, None, object]) -> None:
        async def run() -> None:
            try:
                await work
            except _FAULTS as error:
                self._rest(error)

        if self._rests:
            work.close()
            return
        errand = asyncio.create_task(run(), name="redis")
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _publish(self) -> None:
        await self._client.publish(self._channel, "tasks")

    async def _keep(self, key: str, text: str) -> None:
        await self._client.set(key, text, ex=KEEP_SECONDS)

    def _result_key(self, task_id: str, attempt: int) -> str:
        return f"{self._results}{task_id}:{attempt}"
