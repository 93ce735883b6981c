"""Several `javis run` on one PostgreSQL."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import psycopg

from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, Machine
from tests.gateway_bot import TOKEN
from tests.links import Link
from tests.patience import PATIENCE_SECONDS
from tests.torture.history import DONE, TASK, unlabelled

LEASE_SECONDS: Final = 2.5
ALL_THE_TIME: Final = 600.0  # a lease for machines of which none is to be lost, however slow they are
ALIVE: Final = "SELECT count(*) FROM members"
TASKS: Final = 24  # that one person may have unfinished
TASK_NAMES: Final = [f"task {number}" for number in range(TASKS)]


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
    folder: Path,
    simulator: Simulator,
    url: str,
    links: Sequence[Link | None],
    *,
    redis_url: str | None = None,
    lease_seconds: float = LEASE_SECONDS,
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
        made.change_settings(dispatch=dispatch, gateway=gateway, machines={"lease_seconds": lease_seconds})
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


def heard(sent: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How often each text was sent, copies that say so not counted: 0 is one that came as such a copy alone.

    Of the notice of a task it is the task's name.
    """
    counts: Counter[str] = Counter()
    for text, is_copy in _texts(sent):
        counts[text] += not is_copy
    return counts


def copies(sent: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How often each text was sent as one that may be known already."""
    return Counter(text for text, is_copy in _texts(sent) if is_copy)


def _texts(sent: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, bool]]:
    for each in sent:
        text, is_copy = unlabelled(each["text"])
        yield text.split(TASK)[1].split("\n")[0] if text.startswith(DONE) else text, is_copy
