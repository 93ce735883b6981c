"""`javis run` and `javis simulate`."""

import asyncio

import click

from bot.app import run as run_app
from bot.app import stop_on_signals
from bot.cli.context import Files, Loaded, files_options, load, start_logging
from bot.simulation import simulated, stand_ins
from channels.clock import SystemClock

EXAMPLE = "Kimi：寫一個 Python 的費波那契函數，包含單元測試"


@click.command()
@click.option("--simulate/--no-simulate", default=None, help="Default: simulate when no channel has a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True, help="Of the simulator's page.")
@files_options
def run(simulate: bool | None, port: int, files: Files) -> None:
    """Start the bot; without tokens, among local stand-ins for Telegram and the model."""
    loaded = load(files)
    if simulate is None:
        simulate = not _has_tokens(loaded)
    if simulate:
        asyncio.run(_run_simulated(loaded, port))
    else:
        start_logging(loaded.settings)
        asyncio.run(run_app(loaded.settings, loaded.bindings(), loaded.manifests))


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8090, show_default=True)
@files_options
def simulate(port: int, files: Files) -> None:
    """Start the stand-ins alone, for a bot of your own."""
    asyncio.run(_simulate(load(files), port))


async def _run_simulated(loaded: Loaded, port: int) -> None:
    stop = stop_on_signals()
    bindings = loaded.bindings()
    async with simulated(loaded.settings, port, SystemClock()) as (settings, simulator):
        start_logging(settings)
        click.echo("No tokens are set, so Javis starts among local stand-ins for Telegram and the model.")
        click.echo(f"\n  Open {simulator.url} and write:  {EXAMPLE}\n\nCtrl-C ends it.")
        await run_app(settings, bindings, loaded.manifests, stop=stop)


async def _simulate(loaded: Loaded, port: int) -> None:
    stop = stop_on_signals()
    async with stand_ins(loaded.settings, port, SystemClock()) as simulator:
        click.echo(f"The simulator's page: {simulator.url}\n\nPoint a bot at it:")
        click.echo(f"  channels.telegram.api_base: {simulator.telegram_api_base}")
        click.echo(f"  TELEGRAM_BOT_TOKEN={simulator.telegram_token}")
        click.echo(f"  KIMI_API_URL={simulator.model_api_base}\n  KIMI_API_KEY={simulator.model_key}")
        await stop.wait()


def _has_tokens(loaded: Loaded) -> bool:
    return any(
        config.enabled and any(account.token is not None for account in config.accounts.values())
        for config in loaded.settings.channels.values()
    )
