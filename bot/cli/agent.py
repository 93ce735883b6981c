"""`javis agent`: speak with an agent in the terminal, on the same road as any platform's messages."""

import asyncio
import getpass
import os
import sys
from dataclasses import replace
from functools import partial
from typing import Final

import click
from typing_extensions import override

from bot.app import House, open_house
from bot.cli.context import Files, Loaded, files_options, load, missing_key, start_logging
from bot.errors import UsageError
from bot.inbox import StoredUpdate
from bot.pipeline.intake import Intake
from channels.cli.channel import CliChannel
from channels.cli.config import CliConfig
from channels.cli.terminal import LineSource, StreamLines
from channels.clock import SystemClock
from routing.file import BindingsFile

PROMPT: Final = "> "
DELIVERY_SECONDS: Final = 60.0
LANE_GRACE_SECONDS: Final = 1.0


@click.command()
@click.option("-m", "--message", help="Ask this alone; without it a conversation begins. Ctrl-D ends it.")
@click.option("--agent", "agent_id", help="Default: the one that bindings.yaml names for the terminal.")
@files_options
def agent(message: str | None, agent_id: str | None, files: Files) -> None:
    """Speak with an agent here in the terminal."""
    loaded = load(files)
    bindings = _bound_to(loaded.bindings(), agent_id)
    if all(entry.api_key is None for entry in loaded.settings.model_list):
        kinds = {entry.id: entry.kind for entry in bindings.agents}
        if kinds.get(bindings.defaults.agent) == "llm":
            raise missing_key(loaded.settings)
    start_logging(replace(loaded.settings, log=loaded.settings.log.model_copy(update={"level": "error"})))
    asyncio.run(_talk(loaded, bindings, message))


class Dialogue(LineSource):
    """Lines from the person, each asked for only when the one before is answered on the screen."""

    def __init__(self, message: str | None, house: House) -> None:
        self._only = message
        self._house = house
        self._stdin = StreamLines(sys.stdin)
        self._asked = False
        self.answered = asyncio.Event()

    @override
    async def readline(self) -> str:
        if self._asked:
            await self.answered.wait()
            await self._house.worker.wait_idle(DELIVERY_SECONDS)
            self.answered.clear()
            if self._only is not None:
                raise EOFError
        self._asked = True
        if self._only is not None:
            return self._only
        if sys.stdin.isatty():
            click.echo(PROMPT, nl=False)
        return await self._stdin.readline()


async def _talk(loaded: Loaded, bindings: BindingsFile, message: str | None) -> None:
    clock = SystemClock()
    settings = replace(loaded.settings, channels={"cli": CliConfig()})
    account = f"terminal-{os.getpid()}"  # another terminal's rows are not ours to send
    async with open_house(settings, bindings, clock) as house:
        dialogue = Dialogue(message, house)
        channel = CliChannel(
            dialogue, sys.stdout, account=account, user_id=str(os.getuid()), user_name=getpass.getuser(), clock=clock
        )

        def take(update: StoredUpdate) -> None:
            house.road.take(update, channel, finished)

        def finished() -> None:
            intake.finished()
            dialogue.answered.set()

        suggest = partial(house.road.suggest, channel)
        intake = Intake("cli", account, house.inbox, clock, take, suggest)
        house.outgoing.opened("cli", account, channel)
        async with house.worker.outlet("cli", account, channel), house.lanes.open(LANE_GRACE_SECONDS):
            reading = asyncio.create_task(intake.run(), name="intake cli")
            try:
                await channel.receive(intake)
            finally:
                reading.cancel()


def _bound_to(bindings: BindingsFile, agent_id: str | None) -> BindingsFile:
    """With an agent named, it answers whatever the bindings say."""
    if agent_id is None:
        return bindings
    known = [entry.id for entry in bindings.agents]
    if agent_id not in known:
        raise UsageError(f"bindings.yaml has no agent {agent_id!r}: there are {', '.join(known)}")
    return replace(bindings, bindings=(), defaults=replace(bindings.defaults, agent=agent_id))
