"""The bot as a process of its own, pointed at a simulator that outlives it."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from channels.simulator.server import Simulator

KILLED_BOT = Path(__file__).with_name("killed_bot.py")

BINDINGS = """\
defaults: {agent: main}
agents:
  - {id: main, kind: llm, model: kimi}
  - {id: parrot, kind: echo}
bindings:
  - {agent: parrot, match: {channel: telegram, peer: {kind: direct}}}
"""


class BotFolder:
    """Settings, bindings and data of one bot in a folder; processes come and go."""

    def __init__(self, folder: Path, simulator: Simulator) -> None:
        self.folder = folder
        self.home = folder / "data"
        self._environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("KIMI_", "TELEGRAM_", "JAVIS_"))
            },
            "JAVIS_HOME": str(self.home),
            "TELEGRAM_BOT_TOKEN": simulator.telegram_token,
            "KIMI_API_KEY": simulator.model_key,
            "KIMI_API_URL": simulator.model_api_base,
        }
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

    async def start(
        self, *arguments: str, through: Sequence[str] = ("-m", "bot.cli.main")
    ) -> asyncio.subprocess.Process:
        """Begin `javis <arguments>`; its words go to pipes."""
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *through,
            *(arguments or ("run",)),
            cwd=self.folder,
            env=self._environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def start_to_be_killed(self, moment: str, number: int) -> asyncio.subprocess.Process:
        """`javis run` that dies before or after its commit group `number`."""
        return await self.start("run", through=(str(KILLED_BOT), moment, str(number)))

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Run one command to its end: (exit code, standard output, standard error)."""
        process = await self.start(*arguments)
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """`javis run` for the length of the block, then asked to stop; it must end well."""
        process = await self.start("run")
        assert process.stderr is not None
        log = b""
        while line := await process.stderr.readline():
            log += line
            if b"Receiving" in line:
                break
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            out, err = await process.communicate()
        assert process.returncode == 0, (out + log + err).decode()
