"""`make torture`: as many kills as you like (ARGS="--kills 5000 --seed 7 --side-by-side 2")."""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from channels.clock import SystemClock
from channels.simulator.server import run_simulator
from tests.acceptance.bot_process import BotFolder
from tests.postgresql import fresh_schema
from tests.torture.run import Report, Torture


async def torture(seed: int, kills: int, folder: Path, database_url: str | None = None) -> Report:
    """One bot with a platform of its own, killed `kills` times. The same seed draws the same lives.

    `database_url` None: on SQLite.
    """
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        return await Torture(seed, simulator, BotFolder(folder, simulator, database_url)).run(kills)


async def main() -> int:
    parser = argparse.ArgumentParser(description="Kill the bot at random steps and check what people saw.")
    parser.add_argument("--kills", type=int, default=200, help="in all")
    parser.add_argument("--kills-a-bot", type=int, default=20, help="before a fresh bot takes over")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of the first bot")
    parser.add_argument("--side-by-side", type=int, default=2)
    parser.add_argument("--postgresql", metavar="URL", help="of a server; without it, on SQLite")
    arguments = parser.parse_args()
    seeds = iter(range(arguments.seed, arguments.seed + -(-arguments.kills // arguments.kills_a_bot)))
    wrong = 0

    async def work() -> None:
        nonlocal wrong
        for seed in seeds:
            with tempfile.TemporaryDirectory() as folder:
                begin = time.monotonic()
                with fresh_schema(arguments.postgresql) if arguments.postgresql else nullcontext() as url:
                    report = await torture(seed, arguments.kills_a_bot, Path(folder), url)
            print(
                f"seed {report.seed}: {report.kills} kills, {report.said} said, {report.shown} shown, "
                f"{report.labelled} labelled, {report.undelivered} undelivered but visible, "
                f"{len(report.wrong)} wrong, {time.monotonic() - begin:.0f} s",
                flush=True,
            )
            for line in report.wrong:
                print(f"  {line}", flush=True)
            wrong += len(report.wrong)

    await asyncio.gather(*(work() for _ in range(arguments.side_by_side)))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
