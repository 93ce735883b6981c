"""`make bench`: each figure beside its yardstick, measured in the same run, as absolute numbers and a ratio."""

import asyncio
import statistics
import tempfile
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from bench.bots import javis, stock_bot
from bench.engines import measure_group_commit, measure_outbox
from bench.platform import Platform, platform

UPDATES = 1000
CHATS = 100
ROUNDS = 3
TASKS = 1000
TASKS_PROBED = 200


async def main() -> None:
    stock_start, our_start = await cold_start("stock"), await cold_start("javis")
    ratio = our_start / stock_start
    print(f"start to first getUpdates   {our_start:8.2f} s     {ratio:5.2f} x stock bot's {stock_start:.2f} s")
    print(f"idle memory                 {await idle_memory():8.1f} MB")
    pairs = [(await answers_a_second("javis"), await answers_a_second("stock")) for _ in range(ROUNDS)]
    ours, stock = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(a / b for a, b in pairs)
    print(f"answers a second            {ours:8.0f}       {ratio:5.2f} x stock bot's {stock:.0f}")
    await dispatch_under_load()
    await measure_group_commit()
    await measure_outbox()


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
    """UPDATES messages from CHATS chats at once, until the last answer; the order of every chat is checked."""
    with tempfile.TemporaryDirectory() as folder:
        async with platform(CHATS) as server, contender(name, server, Path(folder)):
            await server.say(["warm up"], 1)
            await server.wait_for_sent(1)
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


async def dispatch_under_load() -> None:
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


if __name__ == "__main__":
    asyncio.run(main())
