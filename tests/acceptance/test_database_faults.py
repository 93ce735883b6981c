"""A full disk, a locked database, a server gone: nothing is acknowledged, health says why, it goes on alone."""

import asyncio
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.simulator.seed import FIRST_USER
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, Machine
from tests.patience import PATIENCE_SECONDS
from tests.postgresql import own_server
from tests.torture.history import unlabelled

DISK_MEGABYTES = 16


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, a few megabytes large."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk here: run the tests as root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(bot: BotFolder) -> Iterator[None]:
    """No room on the disk of the bot's data."""
    filler = bot.home / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                pass
        except OSError:
            pass
        yield
        filler.unlink()


@contextmanager
def locked(bot: BotFolder) -> Iterator[None]:
    """Another program holds the write lock."""
    with closing(sqlite3.connect(bot.home / "javis.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@asynccontextmanager
async def watched(bot: BotFolder) -> AsyncIterator[str]:
    """The running bot; the address of its gateway."""
    machine = Machine(await bot.start("run"))
    try:
        await machine.says("The gateway listens")
        yield f"{machine.address('The gateway listens')}/health"
    finally:
        code = await machine.end()
    assert code == 0, "".join(machine.log)


async def health_says(address: str, words: str) -> None:
    """Wait until health tells trouble with these words; with none: until all is well."""
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer: dict[str, Any] = (await http.get(address)).json()
            told = " ".join(answer["trouble"])
            if words in told if words else answer["status"] == "ok":
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(("trouble", "words"), [(full, "free disk space"), (locked, "locked by another process")])
async def test_nothing_is_acknowledged_while_nothing_can_be_written(
    simulator: Simulator, small_disk: Path, trouble: Any, words: str
) -> None:
    bot = BotFolder(small_disk, simulator)
    async with watched(bot) as address:
        simulator.telegram.say(FIRST_USER, FIRST_USER, "before")
        await simulator.telegram.wait_for_sent(1)
        await health_says(address, "")
        with trouble(bot):
            simulator.telegram.say(FIRST_USER, FIRST_USER, "x" * 3000)
            simulator.telegram.say(FIRST_USER, FIRST_USER, "during")
            await health_says(address, words)
            assert simulator.telegram.pending
        await simulator.telegram.wait_for_sent(lambda sent: "during" in [message["text"] for message in sent])
        await health_says(address, "")
    texts = [unlabelled(message["text"])[0] for message in simulator.telegram.sent()]
    assert list(dict.fromkeys(texts)) == ["before", "x" * 3000, "during"]


async def test_postgresql_that_goes_away_and_comes_back_loses_nothing(simulator: Simulator, tmp_path: Path) -> None:
    with own_server() as server:
        bot = BotFolder(tmp_path / "bot", simulator, server.url)
        async with watched(bot) as address:
            simulator.telegram.say(FIRST_USER, FIRST_USER, "before")
            await simulator.telegram.wait_for_sent(1)
            await health_says(address, "")
            await asyncio.to_thread(server.stop, "immediate")
            simulator.telegram.say(FIRST_USER, FIRST_USER, "during")
            await health_says(address, "PostgreSQL server cannot be reached")
            assert simulator.telegram.pending
            await asyncio.to_thread(server.start)
            await simulator.telegram.wait_for_sent(lambda sent: "during" in [message["text"] for message in sent])
            await health_says(address, "")
    texts = [unlabelled(message["text"])[0] for message in simulator.telegram.sent()]
    assert list(dict.fromkeys(texts)) == ["before", "during"]
