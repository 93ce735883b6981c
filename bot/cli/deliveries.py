"""`javis deliveries`: look at the outbox and settle what it could not."""

import click

from bot.cli.context import Files, Stores, files_options, with_stores
from bot.cli.table import print_json, print_table
from bot.delivery.item import OutboxItem, State, item_json
from bot.errors import JavisError
from bot.storage.errors import GuardFailed

STATES = ("queued", "attempting", "sent", "failed", "unknown")


@click.group()
def deliveries() -> None:
    """Look at the outbox and settle what it could not."""


@deliveries.command("list")
@click.option("--state", type=click.Choice(STATES))
@click.option("--most", type=click.IntRange(1), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_deliveries(state: State | None, most: int, as_json: bool, files: Files) -> None:
    """The newest messages first."""
    found = with_stores(files, lambda stores: stores.outbox.newest(state, most))
    if as_json:
        print_json([item_json(item) for item in found])
        return
    rows = [
        (item.id, item.state, item.kind, item.destination.channel, item.destination.chat, item.attempts, item.reason)
        for item in found
    ]
    print_table(("ID", "STATE", "KIND", "CHANNEL", "CHAT", "ATTEMPTS", "REASON"), rows)


@deliveries.command()
@click.argument("item_id")
@files_options
def show(item_id: str, files: Files) -> None:
    """One message with all that is known of it; the id may be shortened."""
    print_json(item_json(with_stores(files, lambda stores: _find(stores, item_id))))


@deliveries.command()
@click.argument("item_id")
@files_options
def retry(item_id: str, files: Files) -> None:
    """Send a failed or unknown message again, with its attempts given back."""

    async def work(stores: Stores) -> OutboxItem:
        item = await _find(stores, item_id)
        try:
            await stores.storage.commit([stores.outbox.retry(item)])
        except GuardFailed:
            raise JavisError(f"{item.id} is {item.state}: only failed and unknown ones can be sent again") from None
        return item

    click.echo(f"Queued again {with_stores(files, work).id}")


@deliveries.command()
@click.argument("item_id")
@files_options
def drop(item_id: str, files: Files) -> None:
    """Never send a message that waits or is unknown."""

    async def work(stores: Stores) -> OutboxItem:
        item = await _find(stores, item_id)
        try:
            await stores.storage.commit([stores.outbox.drop(item)])
        except GuardFailed:
            raise JavisError(f"{item.id} is {item.state}: only queued and unknown ones can be dropped") from None
        return item

    click.echo(f"Dropped {with_stores(files, work).id}")


async def _find(stores: Stores, item_id: str) -> OutboxItem:
    item = await stores.outbox.find(item_id)
    if item is None:
        raise JavisError(f"no single message has an id that begins with {item_id!r}: see javis deliveries list")
    return item
