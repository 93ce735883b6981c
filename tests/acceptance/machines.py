"""Several `javis run` on one PostgreSQL."""

import asyncio
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg

from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder
from tests.gateway_bot import TOKEN
from tests.links import Link
from tests.patience import PATIENCE_SECONDS

LEASE_SECONDS: Final = 2.5
TASKS: Final = 24  # that one person may have unfinished


class Machine:
    """One `javis run` and what it has logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[str] = []
        self._more = asyncio.Condition()
        self.reading = asyncio.create_task(self._read())

    async def says(self, words: str, times: int = 1) -> None:
        """Wait until it has logged `words`."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._more:
                await self._more.wait_for(lambda: self.has_said(words) >= times)
        except TimeoutError:
            raise AssertionError(f"not said {times} times: {words}\n" + "".join(self.log)) from None

    async def gateway(self) -> str:
        """The address at which it listens, once it does."""
        words = "The gateway listens"
        await self.says(words)
        return next(line.split("address=")[1].strip() for line in self.log if words in line)

    def has_said(self, words: str) -> int:
        """How often it has logged `words`."""
        return sum(words in line for line in self.log)

    def address(self, words: str) -> str:
        """The address in the line that has these words."""
        line = next(line for line in self.log if words in line)
        found = re.search(r"http://[0-9.]+:[0-9]+", line)
        assert found is not None, line
        return found[0]

    async def _read(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            async with self._more:
                self.log.append(line.decode())
                self._more.notify_all()

    async def end(self) -> int | None:
        """Ask it to stop; its exit code."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
        await self.reading
        return await self.process.wait()


class Machines:
    """The machines of one test, each with a folder of its own. `url` is their database's, as the test reaches it."""

    def __init__(self, folders: Sequence[BotFolder], url: str) -> None:
        self._folders = folders
        self._started: list[Machine] = []
        self.url = url

    async def start(self, number: int, command: str = "run") -> Machine:
        machine = Machine(await self._folders[number].start(command))
        self._started.append(machine)
        return machine

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run `javis <arguments>` beside the first of them."""
        return await self._folders[0].command(*arguments)

    async def until(self, question: str, answer: object) -> None:
        """Wait until the database answers so."""
        await until(self.url, question, answer)

    async def delivered(self) -> None:
        """Wait until nothing is left to be sent."""
        await self.until("SELECT count(*) FROM outbox WHERE state <> 'sent'", 0)

    async def end(self) -> None:
        """Those that were not killed must end well."""
        running = [machine for machine in self._started if machine.process.returncode is None]
        codes = await asyncio.gather(*(machine.end() for machine in running))
        await asyncio.gather(*(machine.reading for machine in self._started))
        logs = "".join("".join(machine.log) for machine, code in zip(running, codes, strict=True) if code != 0)
        assert not any(codes), logs


@asynccontextmanager
async def machines(
    folder: Path, simulator: Simulator, url: str, links: Sequence[Link | None], redis_url: str | None = None
) -> AsyncIterator[Machines]:
    """As many machines as there are links; None: with nothing between it and the servers."""
    folders = []
    for number, link in enumerate(links):
        there = simulator if link is None else replace(simulator, url=await link.through(simulator.url))
        database = url if link is None else await link.through(url)
        behind = () if link is None else link.command
        made = BotFolder(folder / f"machine {number}", there, database, behind=behind, measured=False)
        dispatch = {"workers": {"max": 4}, "per_user": TASKS, "webhook_port": None}
        if redis_url is not None:
            dispatch["redis_url"] = redis_url if link is None else await link.through(redis_url)
        gateway = {"port": 0, "token": TOKEN, "enabled": link is None}  # a network of its own has no loopback
        made.change_settings(dispatch=dispatch, gateway=gateway, machines={"lease_seconds": LEASE_SECONDS})
        folders.append(made)
    several = Machines(folders, url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(several.end)
        for link in links:
            if link is not None:
                stack.push_async_callback(link.mend)
        yield several


async def until(url: str, question: str, answer: object) -> None:
    """Wait until the database at `url` answers so."""
    async with (
        await psycopg.AsyncConnection.connect(url, autocommit=True) as connection,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        while (await (await connection.execute(question.encode())).fetchone()) != (answer,):
            await asyncio.sleep(0.01)


def reported(sent: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How often the end of each task was told without saying that it may be known already."""
    texts = [message["text"] for message in sent if message["text"].startswith("✅ Kimi 任務完成")]
    return Counter(text.split("📋 任務：")[1].split("\n")[0] for text in texts)
