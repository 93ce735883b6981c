"""`javis simulate`, and `javis run` without tokens."""

import asyncio
import os
import shlex
import sys

import click

from bot.app import run as run_app
from bot.app import stop_on_signals
from bot.cli.context import Files, Loaded, files_options, load, start_logging
from bot.simulation import PAGE_PORT, simulated, stand_ins
from channels.clock import SystemClock

PORT_HELP = f"Of the page. Default: {PAGE_PORT}, or any free one where that is taken."
EXAMPLE = "Kimi：寫一個 Python 的費波那契函數，包含單元測試"


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), help=PORT_HELP)
@files_options
def simulate(port: int | None, files: Files) -> None:
    """Start the stand-ins alone, for a bot of your own."""
    asyncio.run(_simulate(load(files), port))


async def run_simulated(loaded: Loaded, port: int | None) -> None:
    """The bot among local stand-ins, until it is told to stop."""
    stop = stop_on_signals()
    bindings = loaded.bindings()
    clock = SystemClock()
    async with simulated(loaded.settings, port, clock) as (settings, simulator):
        start_logging(settings)
        click.echo("No tokens are set, so Javis starts among local stand-ins for Telegram, Discord and the model.")
        click.echo(f"\n  Open {simulator.url} and write:  {EXAMPLE}\n")
        command = shlex.quote(sys.argv[0] if os.sep in sys.argv[0] else "javis")
        click.echo(f"Look at it from another terminal, in this folder: {command} status (or agent, kimi, trace, …)")
        click.echo("Ctrl-C ends it.")
        await run_app(settings, bindings, loaded.manifests, stop=stop, clock=clock)


async def _simulate(loaded: Loaded, port: int | None) -> None:
    stop = stop_on_signals()
    async with stand_ins(loaded.settings, port, SystemClock()) as simulator:
        click.echo(f"The simulator's page: {simulator.url}\n\nPoint a bot at it:")
        click.echo(f"  channels.telegram.api_base: {simulator.telegram_api_base}")
        click.echo(f"  TELEGRAM_BOT_TOKEN={simulator.telegram_token}")
        click.echo(f"  channels.discord.api_base: {simulator.discord_api_base}")
        click.echo(f"  DISCORD_BOT_TOKEN={simulator.discord_token}")
        click.echo(f"  KIMI_API_URL={simulator.model_api_base}\n  KIMI_API_KEY={simulator.model_key}")
        await stop.wait()
