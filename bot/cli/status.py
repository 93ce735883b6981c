"""`javis status`: what waits, in numbers."""

import click

from bot.cli.context import Files, files_options, load, with_desk
from bot.cli.table import print_json
from bot.methods.desk import Desk
from bot.storage.lock import run_is_active


@click.command()
@click.option("--json", "as_json", is_flag=True)
@files_options
def status(as_json: bool, files: Files) -> None:
    """Show whether the bot runs and what waits."""
    running = run_is_active(load(files).settings.database)

    async def count(desk: Desk) -> dict[str, object]:
        inbox = await desk.storage.read("inbox.waiting_count", {})
        return {
            "running": running,
            "inbox_waiting": inbox[0]["waiting"],
            "outbox": await desk.outbox.counts(),
            "tasks": await desk.tasks.counts(),
        }

    numbers = with_desk(files, count)
    if as_json:
        print_json(numbers)
        return
    click.echo("A bot is running." if running else "No bot is running.")
    click.echo(f"inbox   waiting {numbers['inbox_waiting']}")
    for name in ("outbox", "tasks"):
        counts = numbers[name]
        words = " ".join(f"{state} {number}" for state, number in counts.items()) if isinstance(counts, dict) else ""
        click.echo(f"{name:7} {words or '-'}")
