"""`javis deliveries`: look at the outbox and settle what it could not."""

import json
from typing import get_args

import click

from bot.cli.context import Files, call, files_options
from bot.cli.table import print_json, print_table
from bot.delivery.item import State
from bot.methods import deliveries as methods


@click.group()
def deliveries() -> None:
    """Look at the outbox and settle what it could not."""


@deliveries.command("list")
@click.option("--state", type=click.Choice(get_args(State)))
@click.option("--most", type=click.IntRange(1, 500), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_deliveries(state: State | None, most: int, as_json: bool, files: Files) -> None:
    """The newest messages first."""
    found = call(files, methods.newest, methods.Some, state=state, limit=most)["deliveries"]
    if as_json:
        print_json(found)
        return
    names = ("id", "state", "kind", "channel", "chat", "attempts", "reason")
    print_table([name.upper() for name in names], [[each[name] for name in names] for each in found])


@deliveries.command()
@click.argument("item_id")
@click.option("--json", "as_json", is_flag=True)
@files_options
def show(item_id: str, as_json: bool, files: Files) -> None:
    """One message with all that is known of it; the id may be shortened."""
    found = call(files, methods.get, methods.One, id=item_id)
    if as_json:
        print_json(found)
        return
    rows = [[name, value if isinstance(value, str) else json.dumps(value)] for name, value in found.items()]
    print_table(["FIELD", "VALUE"], rows)


@deliveries.command()
@click.argument("item_id")
@click.option("--json", "as_json", is_flag=True)
@files_options
def retry(item_id: str, as_json: bool, files: Files) -> None:
    """Send a failed or unknown message again, with its attempts given back."""
    _tell(call(files, methods.retry, methods.One, id=item_id), "Queued again", as_json=as_json)


@deliveries.command()
@click.argument("item_id")
@click.option("--json", "as_json", is_flag=True)
@files_options
def drop(item_id: str, as_json: bool, files: Files) -> None:
    """Never send a message that waits or is unknown."""
    _tell(call(files, methods.drop, methods.One, id=item_id), "Dropped", as_json=as_json)


def _tell(delivery: methods.DeliveryView, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json(delivery)
    else:
        click.echo(f"{done} {delivery['id']}")
