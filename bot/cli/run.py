"""`javis run` and `javis worker`."""

import asyncio

import click

from bot.app import run as run_app
from bot.cli.context import Files, files_options, load, start_logging
from bot.task_worker import work


@click.command()
@click.option("--simulate/--no-simulate", default=None, help="Default: simulate when no channel has a token.")
@click.option("--port", type=click.IntRange(0, 65535), help="Of the simulator's page; see javis simulate.")
@files_options
def run(simulate: bool | None, port: int | None, files: Files) -> None:
    """Start the bot; without tokens, among stand-ins.

    They play Telegram, Discord and the model on this machine, with a page on which you play the people.
    """
    loaded = load(files)
    if simulate is None:
        simulate = not loaded.settings.has_tokens
    if simulate:
        from bot.cli.simulate import run_simulated  # noqa: PLC0415 - a bot with tokens needs no stand-ins

        asyncio.run(run_simulated(loaded, port))
    else:
        start_logging(loaded.settings)
        asyncio.run(run_app(loaded.settings, loaded.bindings(), loaded.manifests))


@click.command()
@files_options
def worker(files: Files) -> None:
    """Work on tasks beside a `javis run` on the same PostgreSQL."""
    loaded = load(files)
    start_logging(loaded.settings)
    asyncio.run(work(loaded.settings, loaded.bindings(), loaded.manifests))
