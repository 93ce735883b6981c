"""What a second machine on the same PostgreSQL adds where the model is what one waits for: tasks and turns a second."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import psycopg

from bench.bots import javis
from bench.models import bare_model
from bench.platform import Platform, platform
from bench.postgresql import fresh_schema

TASKS: Final = 80
WORKERS: Final = 4  # of one machine
TASK_SECONDS: Final = 0.5
TURNS: Final = 512
AT_ONCE: Final = 256  # turns of one machine; the others wait in their lanes
TURN_SECONDS: Final = 10.0
ANSWERING: Final = "agents: [{id: main, kind: llm, model: kimi}]\nbindings: []\n"


async def measure_machines() -> None:
    """Tasks are shared by all machines, turns are worked on by the machine that holds their bot account."""
    one, two = await _tasks_a_second(1), await _tasks_a_second(2)
    _tell("tasks a second, 2 machines", one, two, f"{WORKERS} workers each, a model of {TASK_SECONDS} s")
    one, two = await _turns_a_second(1), await _turns_a_second(2)
    _tell(
        "turns a second, 2 machines", one, two, f"{AT_ONCE} at once each, an account each, a model of {TURN_SECONDS} s"
    )


def _tell(what: str, one: float | None, two: float | None, how: str) -> None:
    if one is None or two is None:
        print(f"{what}  no server: name one in JAVIS_TEST_POSTGRESQL_URL")
    else:
        print(f"{what}  {two:8.0f}       {two / one:5.2f} x one machine's {one:.0f}; {how}")


async def _tasks_a_second(count: int) -> float | None:
    """From the first line of TASKS lines to the last notice. None where there is no server."""
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(platform(1))
        if not await _begin(stack, [server] * count, TASK_SECONDS):
            return None
        begin = time.monotonic()
        await server.say([f"Kimi: task {number}" for number in range(TASKS)], 1)
        return TASKS / (await server.wait_for_sent(2 * TASKS) - begin)


async def _turns_a_second(count: int) -> float | None:
    """From the first of TURNS questions to each machine to the last answer. None where there is no server."""
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(platform(TURNS)) for _ in range(count)]
        if not await _begin(stack, servers, TURN_SECONDS):
            return None
        begin = time.monotonic()
        await asyncio.gather(*(server.say(["a question"] * TURNS, TURNS) for server in servers))
        ends = await asyncio.gather(*(server.wait_for_sent(TURNS) for server in servers))
        return count * TURNS / (max(ends) - begin)


async def _begin(stack: AsyncExitStack, servers: Sequence[Platform], model_seconds: float) -> bool:
    """Start a machine for each of `servers` on one database; False where there is none for them."""
    url = stack.enter_context(fresh_schema())
    if url is None:
        return False
    model = await stack.enter_async_context(bare_model(model_seconds))
    environment = {"JAVIS_DATABASE_URL": url, "KIMI_API_URL": model}
    for number, server in enumerate(servers):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        account = "default" if servers[0] is server else f"bot-{number}"
        await stack.enter_async_context(
            javis(server, folder, bindings=ANSWERING, workers=WORKERS, account=account, environment=environment)
        )
        await _until_members(url, number + 1)
    for server in servers:
        while not await server.calls("getUpdates"):
            await asyncio.sleep(0.01)
    return True


async def _until_members(url: str, count: int) -> None:
    """Return when so many machines are at work."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                row = await (await connection.execute("SELECT count(*) FROM members")).fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
        if row == (count,):
            return
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(measure_machines())
