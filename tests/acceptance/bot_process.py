"""The bot as a process of its own, pointed at a simulator that outlives it."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from channels.simulator.server import Simulator
from tests.patience import PATIENCE_SECONDS

DOOMED_BOT = Path(__file__).parents[1] / "torture" / "doomed_bot.py"
NO_ORPHANS = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()
"""Ends a process with the one that started it, so that a test stopped by its time limit leaves none behind."""

BINDINGS = """\
defaults: {agent: main}
agents:
  - {id: main, kind: llm, model: kimi}
  - {id: parrot, kind: echo}
bindings:
  - {agent: parrot, match: {channel: telegram, peer: {kind: direct}}}
"""


class Machine:
    """One `javis run` and what it has logged."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log: list[str] = []
        self._more = asyncio.Condition()
        self._has_ended = False
        self.reading = asyncio.create_task(self._read())

    async def says(self, words: str, times: int = 1) -> None:
        """Wait until it has logged `words`. Raises AssertionError with its log when that never comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS), self._more:
                await self._more.wait_for(lambda: self._has_ended or self.has_said(words) >= times)
        assert self.has_said(words) >= times, f"not said {times} times: {words}\n" + "".join(self.log)

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
        async with self._more:
            self._has_ended = True
            self._more.notify_all()

    async def end(self) -> int | None:
        """Ask it to stop; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
        await self.reading
        return await self.process.wait()


class BotFolder:
    """Settings, bindings and data of one bot in a folder; processes come and go, each `behind` a command if any.

    `model_url` None: it asks the simulator's model. Without `measured` its processes start in half the time, and their
    coverage is not known.
    """

    def __init__(
        self,
        folder: Path,
        simulator: Simulator,
        database_url: str | None = None,
        model_url: str | None = None,
        behind: Sequence[str] = (),
        *,
        measured: bool = True,
    ) -> None:
        folder.mkdir(exist_ok=True)
        self._behind = behind
        self.folder = folder
        self.database_url = database_url
        self.home = folder / "data"
        self._environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("KIMI_", "TELEGRAM_", "DISCORD_", "JAVIS_"))
            },
            "JAVIS_HOME": str(self.home),
            "WEBHOOK_PORT": "0",
            "TELEGRAM_BOT_TOKEN": simulator.telegram_token,
            "KIMI_API_KEY": simulator.model_key,
            "KIMI_API_URL": model_url or simulator.model_api_base,
        }
        if database_url is not None:
            self._environment["JAVIS_DATABASE_URL"] = database_url
        if not measured:
            self._environment.pop("COVERAGE_PROCESS_CONFIG", None)
        telegram = {
            "api_base": simulator.telegram_api_base,
            "dm_policy": "open",
            "group_policy": "open",
            "require_mention": False,
            "rate": {"bot_per_second": None, "chat_per_second": None, "group_per_minute": None},
        }
        (folder / "javis.yaml").write_text(
            json.dumps({"channels": {"telegram": telegram}, "gateway": {"port": 0}}), encoding="utf-8"
        )
        (folder / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")

    def change_settings(self, **sections: object) -> None:
        """Put `sections` into javis.yaml in the place of those of the same names."""
        path = self.folder / "javis.yaml"
        path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | sections), encoding="utf-8")

    def forget(self, *names: str) -> None:
        """Take variables out of the environment of the processes to come."""
        for name in names:
            del self._environment[name]

    async def start(
        self, *arguments: str, through: Sequence[str] = ("-m", "bot.cli.main"), stdin: int | None = None
    ) -> asyncio.subprocess.Process:
        """Begin `javis <arguments>`; its words go to pipes.

        The coverage of a program of the tests' own is not measured: it kills itself before it can tell.
        """
        environment = dict(self._environment)
        if through[0] != "-m":
            environment.pop("COVERAGE_PROCESS_CONFIG", None)
        return await asyncio.create_subprocess_exec(
            *self._behind,
            *NO_ORPHANS,
            sys.executable,
            *through,
            *(arguments or ("run",)),
            cwd=self.folder,
            env=environment,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def start_doomed(self, moment: str, number: int) -> asyncio.subprocess.Process:
        """`javis run` that dies at a step of its own (see tests/torture/doomed_bot.py)."""
        return await self.start("run", through=(str(DOOMED_BOT), moment, str(number)))

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run one command to its end: (exit code, standard output, standard error)."""
        process = await self.start(*arguments)
        out, err = await ended(process)
        return process.returncode or 0, out, err

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """`javis run` for the length of the block, then asked to stop; it must end well."""
        machine = Machine(await self.start("run"))
        try:
            await machine.says("Receiving")
            yield
        finally:
            code = await machine.end()
        assert code == 0, "".join(machine.log)


async def ended(process: asyncio.subprocess.Process) -> tuple[str, str]:
    """What it still wrote, (standard output, standard error), once it has ended.

    Raises AssertionError with its words if it does not end; it is killed then.
    """
    words = asyncio.create_task(process.communicate())
    in_time, _ = await asyncio.wait({words}, timeout=PATIENCE_SECONDS)
    if not in_time:
        process.kill()
    out, err = [each.decode() for each in await words]
    assert in_time, f"process {process.pid} does not end:\n{out}{err}"
    return out, err
