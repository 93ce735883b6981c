"""What asking a model costs us: beside a bare httpx call, a thousand at once, and a turn without any network."""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench.bare_model import ANSWER
from bot.agents.llm import LlmAgent
from bot.agents.port import AgentContext, Turn
from bot.budgets.ledger import Ledger
from bot.providers.connections import open_connections
from bot.providers.cooldown import Cooldowns
from bot.providers.meter import Asker
from bot.providers.models import Models
from bot.providers.port import ChatMessage, CompletionRequest
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.settings.agents import AgentDefaults
from bot.settings.language_models import BudgetSettings, CooldownSettings, ModelEntry
from bot.storage.sqlite import open_sqlite
from channels.clock import SystemClock
from routing.entries import AgentEntry

CALLS = 300
AT_ONCE = 1000
SLOW_SECONDS = 2.0
TURNS = 300
HISTORY = 50
ROUNDS = 5
QUESTION = "What is the capital of France, and how many people live there? " * 4
KEY = "agent:main:telegram:direct:1"

Call = Callable[[], Awaitable[object]]


async def measure_models() -> None:
    async with bare_model(0) as fast, bare_model(SLOW_SECONDS) as slow:
        await _measure_calls(fast)
        await _measure_at_once(slow)
    await _measure_turn()


async def _measure_calls(base: str) -> None:
    """One call after another, with everything: pool, cooldowns, budgets on disk; against httpx alone."""
    ours, bare, ratios = [], [], []
    async with _calls(base) as (ask, post):
        for _ in range(ROUNDS):
            bare.append(await _seconds(post, CALLS))
            ours.append(await _seconds(ask, CALLS))
            ratios.append(ours[-1] / bare[-1])
    mine, theirs, ratio = (statistics.median(column) for column in (ours, bare, ratios))
    print(f"model call                  {1000 * mine:8.2f} ms    {ratio:5.2f} x bare httpx {1000 * theirs:.2f} ms")


async def _measure_at_once(base: str) -> None:
    """AT_ONCE calls to a model that thinks for SLOW_SECONDS: what they cost beyond that."""
    async with _calls(base) as (ask, post):
        costs = []
        for call in (post, ask):
            begin = time.process_time()
            await asyncio.gather(*(call() for _ in range(AT_ONCE)))
            costs.append(1000 * (time.process_time() - begin) / AT_ONCE)
    theirs, mine = costs
    print(f"CPU a call, {AT_ONCE} at once    {mine:8.2f} ms    {mine / theirs:5.2f} x bare httpx {theirs:.2f} ms")


async def _measure_turn() -> None:
    """A turn with HISTORY messages read from disk, its prompt built and sent to an answer that is there already."""
    answer = httpx.MockTransport(
        lambda _request: httpx.Response(
            200, stream=httpx.ByteStream(ANSWER), headers={"content-type": "application/json"}
        )
    )
    clock = SystemClock()
    with tempfile.TemporaryDirectory() as folder:
        async with open_sqlite(Path(folder) / "javis.db") as storage, httpx.AsyncClient(transport=answer) as http:
            sessions = SessionStore(storage, clock)
            said = [Record("user", QUESTION, clock.now()), Record("assistant", QUESTION, clock.now())]
            records = said * (HISTORY // 2)
            await storage.commit(sessions.append(Conversation(KEY), "main", records))
            models = Models([_entry("http://nowhere/v1")], lambda _proxy: http, clock)
            agent = LlmAgent(AgentContext(AgentEntry(id="main"), AgentDefaults(), models, clock))

            async def turn() -> None:
                moment = datetime.now(UTC)
                await agent.answer(Turn(KEY, QUESTION, "Ann", True, moment, lambda most: sessions.history(KEY, most)))

            body = b"{}"

            async def post() -> None:
                (await http.post("http://nowhere/v1", content=body)).json()

            rounds = [(await _seconds(turn, TURNS), await _seconds(post, TURNS)) for _ in range(ROUNDS)]
    mine, theirs = (statistics.median(column) for column in zip(*rounds, strict=True))
    ratio = statistics.median(a / b for a, b in rounds)
    print(
        f"turn, {HISTORY} messages, no net  {1000 * mine:8.2f} ms    {ratio:5.2f} x an httpx call to nowhere "
        f"{1000 * theirs:.2f} ms"
    )


@asynccontextmanager
async def _calls(base: str) -> AsyncIterator[tuple[Call, Call]]:
    """Our call, and the bare one, to the same model with the same words. Both are warm."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            open_sqlite(Path(folder) / "javis.db") as storage,
            open_connections() as connections,
            httpx.AsyncClient(limits=limits, timeout=60) as http,
        ):
            clock = SystemClock()
            ledger = Ledger(storage, clock, BudgetSettings())
            cooldowns = Cooldowns(CooldownSettings(), clock, storage)
            models = Models([_entry(base)], connections.through, clock, cooldowns=cooldowns, meter=ledger)
            request = CompletionRequest([ChatMessage("user", QUESTION)])
            body = {"model": "m", "messages": [{"role": "user", "content": QUESTION}]}

            async def ask() -> object:
                return await models.ask(["m"], request, Asker("main", "telegram:1"))

            async def post() -> object:
                return (await http.post(f"{base}/chat/completions", json=body)).json()

            await ask()
            await post()
            yield ask, post
            await ledger.drain()


def _entry(base: str) -> ModelEntry:
    return ModelEntry(model_name="m", model="vllm/m", api_base=base)


async def _seconds(call: Call, times: int) -> float:
    """For one call, of `times` one after another."""
    begin = time.monotonic()
    for _ in range(times):
        await call()
    return (time.monotonic() - begin) / times


@asynccontextmanager
async def bare_model(seconds: float) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare_model", str(seconds), stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is not None:
            yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(measure_models())
