"""Background tasks: how quickly one is accepted, how busy the pool keeps the model, and what a bot costs that idles."""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import httpx

from bench.bots import BINDINGS, javis
from bench.models import bare_model
from bench.platform import Platform, platform
from bot.house import House, open_house
from bot.settings.doors import WorkerBounds
from bot.settings.load import load_settings
from bot.tasks.task import TaskRequest
from channels.clock import SystemClock
from channels.registry import load_manifests
from routing.file import load_bindings

TASKS = 1000
TASKS_PROBED = 200
MANY = 2000
WORKERS = 64
MODEL_SECONDS = 0.2
WARM_UP_SECONDS = 5
IDLE_SECONDS = 20
QUESTION = {"model": "m", "messages": [{"role": "user", "content": "x"}]}


async def measure_dispatch() -> None:
    await _measure_acceptance()
    async with bare_model(MODEL_SECONDS) as base:
        await _measure_pool(base)
    await _measure_idling()


async def _measure_acceptance() -> None:
    """How long a `Kimi:` line waits for its acknowledgement while TASKS tasks run on a slow model."""
    with tempfile.TemporaryDirectory() as folder:
        async with platform(1) as server, javis(server, Path(folder)):
            await server.slow_model(300)
            await server.say([f"Kimi: task {number}" for number in range(TASKS)], 1)
            await server.wait_for_sent(TASKS)
            milliseconds = []
            for number in range(TASKS_PROBED):
                begin = time.monotonic()
                await server.say([f"Kimi: probe {number}"], 1)
                milliseconds.append((await server.wait_for_sent(TASKS + number + 1) - begin) * 1000)
    p99 = statistics.quantiles(milliseconds, n=100)[98]
    middle = statistics.median(milliseconds)
    print(
        f"task acknowledged           {middle:8.1f} ms    p99 {p99:.1f} ms, {TASKS} tasks running, polled every 10 ms"
    )


async def _measure_pool(base: str) -> None:
    """MANY tasks through WORKERS workers, from the first claim to the last row; against as many bare clients."""
    bare = {name: MANY / await _clocked(ask(base)) for name, ask in (("aiohttp", _ask_aiohttp), ("httpx", _ask_httpx))}
    async with _house(base) as house:
        tasks, storage = house.stores.tasks, house.stores.storage
        request = TaskRequest("x", "kimi", "bench:1", "en")
        await storage.commit([tasks.create(request, MANY + 1, MANY + 1)[2] for _ in range(MANY)])
        ours = MANY / await _clocked(_work_off(house))
        ended = len(await tasks.newest("succeeded", MANY + 1))
    if ended != MANY:
        raise AssertionError(f"only {ended} of {MANY} tasks succeeded")
    beside = ", ".join(f"{ours / rate:.2f} x bare {name} {rate:.0f}" for name, rate in bare.items())
    print(f"tasks a second              {ours:8.0f}       {beside}, {WORKERS} at once")


async def _work_off(house: House) -> None:
    """Return when no task is open any more."""
    async with house.dispatcher.open():
        while sum((await house.stores.tasks.counts()).values()):
            await asyncio.sleep(0.05)


async def _clocked(work: Awaitable[None]) -> float:
    """The seconds that it takes."""
    begin = time.monotonic()
    await work
    return time.monotonic() - begin


async def _ask_httpx(base: str) -> None:
    limits = httpx.Limits(max_connections=WORKERS, max_keepalive_connections=WORKERS)
    async with httpx.AsyncClient(limits=limits, timeout=60) as http:

        async def ask() -> None:
            (await http.post(f"{base}/chat/completions", json=QUESTION)).raise_for_status()

        await _many(ask)


async def _ask_aiohttp(base: str) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=WORKERS), raise_for_status=True) as http:

        async def ask() -> None:
            async with http.post(f"{base}/chat/completions", json=QUESTION) as response:
                await response.json()

        await _many(ask)


async def _many(ask: Callable[[], Awaitable[None]]) -> None:
    """MANY questions from WORKERS coroutines."""
    left = iter(range(MANY))

    async def work() -> None:
        for _ in left:
            await ask()

    await asyncio.gather(*(work() for _ in range(WORKERS)))


@asynccontextmanager
async def _house(base: str) -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory() as name:
        folder, manifests = Path(name), load_manifests()
        (folder / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")
        environ = {"JAVIS_HOME": str(folder / "data"), "KIMI_API_KEY": "sk-bench", "KIMI_API_URL": base}
        settings = load_settings(None, environ, manifests)
        workers = WorkerBounds(min=WORKERS, max=WORKERS)
        settings = replace(settings, dispatch=settings.dispatch.model_copy(update={"workers": workers}))
        async with open_house(settings, load_bindings(folder / "bindings.yaml"), manifests, SystemClock()) as house:
            yield house


async def _measure_idling() -> None:
    """The share of one core that a bot takes to which nobody speaks, and that it asks no model meanwhile."""
    with tempfile.TemporaryDirectory() as folder:
        async with platform(1) as server, javis(server, Path(folder)) as process:
            await server.say(["Kimi: warm up"], 1)
            await server.wait_for_sent(2)
            await asyncio.sleep(WARM_UP_SECONDS)
            asked, used = await _model_calls(server), _cpu_seconds(process.pid)
            await asyncio.sleep(IDLE_SECONDS)
            share = (_cpu_seconds(process.pid) - used) / IDLE_SECONDS
            more = await _model_calls(server) - asked
    if not asked:
        raise AssertionError("the simulator does not count questions to the model")
    print(f"idle                        {100 * share:8.2f} %     of one core over {IDLE_SECONDS} s, {more} model calls")


async def _model_calls(server: Platform) -> int:
    """Of the simulator's newest calls those to the model."""
    return sum(call["platform"] == "model" for call in (await server.get("state"))["recent"])


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process; see proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
