"""`javis status`: what waits, in numbers."""

import click

from bot.cli.context import Files, Stores, files_options, load, with_stores
from bot.cli.table import print_json
from bot.storage.lock import run_is_active


@click.command()
@click.option("--json", "as_json", is_flag=True)
@files_options
def status(as_json: bool, files: Files) -> None:
    """Show whether the bot runs and what waits."""
    running = run_is_active(load(files).settings.database)

    async def count(stores: Stores) -> dict[str, object]:
        inbox = await stores.storage.read("inbox.waiting_count", {})
        return {
            "running": running,
            "inbox_waiting": inbox[0]["waiting"],
            "outbox": await stores.outbox.counts(),
            "tasks": await stores.tasks.counts(),
        }

    numbers = with_stores(files, count)
    if as_json:
        print_json(numbers)
        return
    click.echo("A bot is running." if running else "No bot is running.")
    click.echo(f"inbox   waiting {numbers['inbox_waiting']}")
    for name in ("outbox", "tasks"):
        counts = numbers[name]
        words = " ".join(f"{state} {number}" for state, number in counts.items()) if isinstance(counts, dict) else ""
        click.echo(f"{name:7} {words or '-'}")
