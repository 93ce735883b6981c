"""`javis trace`: the road that a message took, and why."""

from functools import partial
from typing import get_args

import click

from bot.catalogue import Catalogue
from bot.cli.context import Files, call, files_options, with_desk
from bot.cli.table import print_json, print_table
from bot.errors import JavisError
from bot.inbox import End
from bot.methods import trace as methods
from bot.trace.store import RoadTaken
from bot.trace.wording import tell_road


@click.command()
@click.argument("message", required=False)
@click.option("--state", type=click.Choice(get_args(End)), help="List those that ended like this.")
@click.option("--most", type=click.IntRange(1, 500), default=20, show_default=True, help="How many to list.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def trace(message: str | None, state: End | None, most: int, as_json: bool, files: Files) -> None:
    """Tell the road of MESSAGE; without it, list the newest.

    MESSAGE is an id from that list, the platform's id of a question or an answer, a task's id, or a delivery's.
    """
    if message is None:
        _list(most, state, files, as_json=as_json)
    elif as_json:
        print_json(call(files, methods.get, methods.One, message=message)["roads"])
    else:
        for road in _find(message, files):
            _print(road)


def _list(most: int, state: End | None, files: Files, *, as_json: bool) -> None:
    roads = call(files, methods.newest, methods.NewestRoads, limit=most, state=state)["roads"]
    if as_json:
        print_json(roads)
        return
    names = ("id", "state", "reason", "chat", "message_id", "sender", "session_key")
    rows = [[road["began_at"][:16], *(road[name] for name in names)] for road in roads]
    print_table(["BEGAN (UTC)", *(name.upper() for name in names)], rows)


def _find(message: str, files: Files) -> list[RoadTaken]:
    roads = with_desk(files, lambda desk: desk.traces.find(message))
    if not roads:
        raise JavisError(f"nothing is known of {message!r}: `javis trace` lists the newest; older ones are forgotten")
    return roads


def _print(road: RoadTaken) -> None:
    facts = {"chat": road.chat, "message": road.message_id, "sender": road.sender, "session": road.session_key}
    told = "  ".join(f"{name} {value}" for name, value in facts.items() if value)
    click.echo(f"{road.id}  {road.state}  {told}")
    for line in tell_road(road, partial(Catalogue.load().say, "en"), full=True):
        click.echo(f"  {line}")
