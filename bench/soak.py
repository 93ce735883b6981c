"""`make soak`: the whole road at a steady rate for minutes, to see that nothing is lost and nothing grows.

Each message goes through inbox, gate, bindings, session, the turn of an agent that echoes, and outbox, every step on
disk as in `javis run`, with all its chores; only the platform is missing. `make soak ARGS="--rate 500 --seconds 60"`.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.bots import BINDINGS
from bench.crowd import MANIFEST, Crowd, settings_for
from bot.app import run
from bot.settings.load import load_settings
from bot.settings.model import Settings
from channels.clock import SystemClock
from routing.file import load_bindings

PEOPLE: Final = 100
WARM_UP: Final = 0.2  # of the messages: caches fill, the allocator takes what it needs
SAMPLE_SECONDS: Final = 1.0
STALL_SECONDS: Final = 60.0  # without one answer more: what is missing is lost


@dataclass(frozen=True, slots=True)
class Sample:
    """After `answered` messages: resident memory and the size of the write-ahead log, in megabytes."""

    answered: int
    resident: float
    log: float


async def soak(rate: float, seconds: float, people: int = PEOPLE) -> None:
    """Raises AssertionError when a message is lost, answered twice or out of its order."""
    crowd = Crowd(int(rate * seconds), rate, people)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")
        settings, stop = _settings(folder, crowd), asyncio.Event()
        bot = asyncio.create_task(
            run(settings, load_bindings(folder / "bindings.yaml"), {MANIFEST.name: MANIFEST}, stop=stop)
        )
        begin = time.monotonic()
        samples = await _watch(crowd, bot, folder / "data" / "javis.db-wal")
        took = time.monotonic() - begin
        stop.set()
        await bot
        disk = sum(file.stat().st_size for file in (folder / "data").rglob("*") if file.is_file()) / 1e6
    _report(crowd, samples, took, disk)
    if crowd.lost or crowd.doubled or crowd.out_of_order:
        raise AssertionError(f"{crowd.lost} lost, {crowd.doubled} doubled, {crowd.out_of_order} out of order")


def _settings(folder: Path, crowd: Crowd) -> Settings:
    settings = load_settings(None, {"JAVIS_HOME": str(folder / "data"), "KIMI_API_KEY": "sk-soak"}, {})
    return replace(
        settings,
        channels={MANIFEST.name: settings_for(crowd)},
        gateway=settings.gateway.model_copy(update={"enabled": False}),
        dispatch=settings.dispatch.model_copy(update={"webhook_port": None}),
    )


async def _watch(crowd: Crowd, bot: asyncio.Task[None], log: Path) -> list[Sample]:
    """Samples, until every message is answered or none has been for STALL_SECONDS."""
    samples: list[Sample] = []
    clock, progressed = SystemClock(), (0, time.monotonic())
    while crowd.lost and time.monotonic() - progressed[1] < STALL_SECONDS:
        if bot.done():
            await bot
            raise AssertionError("the bot has ended")
        size = log.stat().st_size / 1e6 if log.exists() else 0.0
        samples.append(Sample(crowd.answered, _resident(), size))
        if crowd.answered > progressed[0]:
            progressed = crowd.answered, time.monotonic()
        await clock.sleep(SAMPLE_SECONDS)
    return [*samples, Sample(crowd.answered, _resident(), samples[-1].log)]


def _resident() -> float:
    """Megabytes of this process in memory."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1024


def _report(crowd: Crowd, samples: Sequence[Sample], took: float, disk: float) -> None:
    warm = [sample for sample in samples if sample.answered >= WARM_UP * crowd.messages]
    print(f"answered                    {crowd.answered:8} of {crowd.messages}, offered at {crowd.rate:.0f} a second")
    print(f"held                        {crowd.answered / took:8.0f} a second")
    print(
        f"resident memory             {samples[0].resident:8.1f} MB at the start, {warm[0].resident:.1f} MB after "
        f"{warm[0].answered} messages, {samples[-1].resident:.1f} MB at the end"
    )
    slope = statistics.linear_regression([each.answered for each in warm], [each.resident for each in warm]).slope
    print(f"growth after warm-up        {slope * 100_000:8.2f} MB per 100,000 messages")
    print(
        f"on disk                     {disk:8.1f} MB, the write-ahead log at most {max(e.log for e in samples):.1f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak")
    parser.add_argument("--rate", type=float, default=1000, help="messages a second (1000)")
    parser.add_argument("--seconds", type=float, default=600, help="how long they are offered (600)")
    parser.add_argument(
        "--people", type=int, default=PEOPLE, help=f"who says them, each in a chat of their own ({PEOPLE})"
    )
    arguments = parser.parse_args()
    asyncio.run(soak(arguments.rate, arguments.seconds, arguments.people))


if __name__ == "__main__":
    main()
