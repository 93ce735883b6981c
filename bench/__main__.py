"""`make bench`: each figure beside its yardstick, measured in the same run, as absolute numbers and a ratio."""

import asyncio
import statistics
import tempfile
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bench.bots import javis, stock_bot
from bench.discord import measure_discord
from bench.dispatch import measure_dispatch
from bench.engines import measure_group_commit
from bench.gateway import measure_gateway
from bench.machines import measure_machines
from bench.memory import measure_recall
from bench.models import measure_models
from bench.openai_door import measure_openai_door
from bench.outbox import measure_outbox, measure_recovery
from bench.platform import Platform, platform
from bench.postgresql import measure_postgresql
from bench.routing import measure_reload, measure_resolve
from bench.sessions import measure_history, measure_trace

UPDATES = 1000
CHATS = 100
ROUNDS = 3
SETTLING_SECONDS = 1.0  # a start goes on behind the first answer: the gateway opens


async def main() -> None:
    stock_start, our_start = await cold_start("stock"), await cold_start("javis")
    ratio = our_start / stock_start
    print(f"start to first getUpdates   {our_start:8.2f} s     {ratio:5.2f} x stock bot's {stock_start:.2f} s")
    print(f"idle memory                 {await idle_memory():8.1f} MB")
    pairs = [(await answers_a_second("javis"), await answers_a_second("stock")) for _ in range(ROUNDS)]
    ours, stock = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"answers a second            {ours:8.0f}       {ratio:5.2f} x stock bot's {stock:.0f}")
    await measure_dispatch()
    await measure_discord()
    await measure_group_commit()
    await measure_postgresql()
    await measure_machines()
    await measure_outbox()
    await measure_recovery()
    await measure_history()
    await measure_trace()
    await measure_gateway()
    await measure_openai_door()
    await measure_recall()
    measure_resolve()
    await measure_reload()
    await measure_models()


def contender(name: str, server: Platform, folder: Path) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    return javis(server, folder) if name == "javis" else stock_bot(server)


async def cold_start(name: str) -> float:
    """Median seconds from the process's start to its first getUpdates."""
    seconds = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            async with platform(1) as server:
                begin = time.monotonic()
                async with contender(name, server, Path(folder)):
                    while not await server.calls("getUpdates"):
                        await asyncio.sleep(0.002)
                    seconds.append(time.monotonic() - begin)
    return statistics.median(seconds)


async def idle_memory() -> float:
    """Megabytes (resident) of `javis run` after ten answers and a quiet second."""
    with tempfile.TemporaryDirectory() as folder:
        async with platform(1) as server, javis(server, Path(folder)) as process:
            await server.say(["hello"] * 10, 1)
            await server.wait_for_sent(10)
            await asyncio.sleep(1)
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


async def answers_a_second(name: str) -> float:
    """UPDATES messages from CHATS chats at once, after the start has ended, until the last answer; the order of every
    chat is checked."""
    with tempfile.TemporaryDirectory() as folder:
        async with platform(CHATS) as server, contender(name, server, Path(folder)):
            await server.say(["warm up"], 1)
            await server.wait_for_sent(1)
            await asyncio.sleep(SETTLING_SECONDS)
            texts = [str(number) for number in range(UPDATES)]
            begin = time.monotonic()
            await server.say(texts, CHATS)
            seconds = await server.wait_for_sent(UPDATES + 1) - begin
            check_order(await server.sent())
    return UPDATES / seconds


def check_order(messages: list[dict[str, object]]) -> None:
    seen: dict[object, list[int]] = {}
    for message in messages:
        text = str(message["text"])
        if text.isdecimal():
            chat = message["chat"]
            seen.setdefault(chat["id"] if isinstance(chat, dict) else chat, []).append(int(text))
    if sum(map(len, seen.values())) != UPDATES or any(texts != sorted(texts) for texts in seen.values()):
        raise AssertionError("an answer is missing, doubled or out of order")


if __name__ == "__main__":
    asyncio.run(main())
