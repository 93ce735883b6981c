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

from bot.cli.beside import is_among_stand_ins, settings_of_the_running_bot
from bot.cli.context import Files, Loaded, files_options, load, missing_key, start_logging
from bot.errors import UsageError
from bot.house import House, open_house
from bot.inbox import StoredUpdate
from bot.pipeline.intake import Intake
from bot.simulation import stand_in_models
from channels.cli.channel import CliChannel
from channels.cli.config import CliConfig
from channels.cli.terminal import LineSource, StreamLines
from channels.clock import SystemClock
from routing.file import BindingsFile

PROMPT: Final = "> "
GREETING: Final = "/help shows what it can do; Ctrl-D ends it."
DELIVERY_SECONDS: Final = 60.0
LANE_GRACE_SECONDS: Final = 1.0
LOOK_SECONDS: Final = 1.0


@click.command()
@click.option("-m", "--message", help="Ask this alone; without it a conversation begins. Ctrl-D ends it.")
@click.option("--agent", "agent_id", help="Default: the one that bindings.yaml names for the terminal.")
@files_options
def agent(message: str | None, agent_id: str | None, files: Files) -> None:
    """Speak with an agent here in the terminal.

    Beside a bot among stand-ins a stand-in plays its model, too.
    """
    loaded = load(files)
    loaded = replace(loaded, settings=settings_of_the_running_bot(loaded.settings))
    bindings = _bound_to(loaded.bindings(), agent_id)
    among_stand_ins = is_among_stand_ins(loaded.settings)
    if not among_stand_ins and all(entry.api_key is None for entry in loaded.settings.model_list):
        kinds = {entry.id: entry.kind for entry in bindings.agents}
        if kinds.get(bindings.defaults.agent) == "llm":
            raise missing_key(loaded.settings)
    start_logging(replace(loaded.settings, log=loaded.settings.log.model_copy(update={"level": "error"})))
    asyncio.run(_talk_to_stand_in(loaded, bindings, message) if among_stand_ins else _talk(loaded, bindings, message))


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
            await self._house.delivery.worker.wait_idle(DELIVERY_SECONDS)
            self.answered.clear()
            if self._only is not None:
                raise EOFError
        first, self._asked = not self._asked, True
        if self._only is not None:
            return self._only
        if sys.stdin.isatty():
            if first:
                click.echo(GREETING)
            click.echo(PROMPT, nl=False)
        return await self._stdin.readline()


async def _talk_to_stand_in(loaded: Loaded, bindings: BindingsFile, message: str | None) -> None:
    async with stand_in_models(loaded.settings, SystemClock()) as settings:
        await _talk(replace(loaded, settings=settings), bindings, message)


async def _talk(loaded: Loaded, bindings: BindingsFile, message: str | None) -> None:
    clock = SystemClock()
    settings = replace(loaded.settings, channels={"cli": CliConfig(owners=[str(os.getuid())])})
    account = f"terminal-{os.getpid()}"  # another terminal's rows are not ours to send
    async with open_house(settings, bindings, loaded.manifests, clock) as house:
        dialogue = Dialogue(message, house)
        channel = CliChannel(
            dialogue, sys.stdout, account=account, user_id=str(os.getuid()), user_name=getpass.getuser(), clock=clock
        )

        def take(update: StoredUpdate) -> None:
            house.road.take(update, channel, lambda: finished(update))

        def finished(update: StoredUpdate) -> None:
            intake.finished(update)
            dialogue.answered.set()

        suggest = partial(house.road.suggest, channel)
        intake = Intake("cli", account, house.stores.inbox, clock, take, suggest)
        house.delivery.outgoing.opened("cli", account, channel)
        async with house.delivery.worker.outlet("cli", account, channel), house.ground.lanes.open(LANE_GRACE_SECONDS):
            beside = [
                asyncio.create_task(intake.run(), name="intake cli"),
                asyncio.create_task(_look_for_notices(house), name="notices cli"),
            ]
            try:
                await channel.receive(intake)
            finally:
                for task in beside:
                    task.cancel()


async def _look_for_notices(house: House) -> None:
    """Tell of tasks that were begun here and have ended in the running bot, which cannot reach this terminal."""
    while True:
        await house.clock.sleep(LOOK_SECONDS)
        if await house.stores.storage.changed_elsewhere():
            await house.dispatcher.teller.report()


def _bound_to(bindings: BindingsFile, agent_id: str | None) -> BindingsFile:
    """With an agent named, it answers whatever the bindings say."""
    if agent_id is None:
        return bindings
    known = [entry.id for entry in bindings.agents]
    if agent_id not in known:
        raise UsageError(f"bindings.yaml has no agent {agent_id!r}: there are {', '.join(known)}")
    return replace(bindings, bindings=(), defaults=replace(bindings.defaults, agent=agent_id))
