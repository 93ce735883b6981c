"""Torture of two machines on one PostgreSQL: now one is killed, now one stands still, and people go on talking."""

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder
from tests.torture.run import Report, Torture

STANDSTILL_SECONDS: Final = 8.0  # longer than a lease


class TwoMachines(Torture):
    """Two `javis run`; one of them suffers in each round."""

    def __init__(self, seed: int, simulator: Simulator, folder: Path, url: str) -> None:
        self._folders = [BotFolder(folder / name, simulator, url) for name in "ab"]
        super().__init__(seed, simulator, self._folders[0])
        self._running: list[asyncio.subprocess.Process] = []
        self._reading: list[asyncio.Task[bytes]] = []

    async def suffer(self, rounds: int) -> Report:
        """`rounds` accidents, then quiet; and check."""
        self._running = [await self._start(number) for number in (0, 1)]
        try:
            for _ in range(rounds):
                lines = [(0.2, self._draw_line()) for _ in range(10)]
                await asyncio.gather(self._talk(lines), self._harm(self._chance.uniform(0.5, 3)))
            await self._quiet()
        finally:
            for process in self._running:
                with suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                    process.terminate()
                await process.wait()
            await asyncio.gather(*self._reading)
        return self._report()

    async def _start(self, number: int) -> asyncio.subprocess.Process:
        process = await self._folders[number].start("run")
        for pipe in (process.stdout, process.stderr):
            assert pipe is not None
            self._reading.append(asyncio.create_task(pipe.read()))
        return process

    async def _harm(self, after_seconds: float) -> None:
        number = self._chance.randrange(2)
        await asyncio.sleep(after_seconds)
        process = self._running[number]
        if self._chance.random() < 0.5:
            process.kill()
            await process.wait()
            self._running[number] = await self._start(number)
        else:
            process.send_signal(signal.SIGSTOP)
            await asyncio.sleep(STANDSTILL_SECONDS)
            process.send_signal(signal.SIGCONT)
        self._kills += 1
