"""`javis bindings add | remove | set | rollback`: bindings.yaml changed without an editor, comments kept."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TypeVar

import click

from bot.cli.context import Files, bindings_store, files_options, load
from bot.cli.table import print_json, print_table
from bot.errors import UsageError
from routing.address import PeerKind
from routing.binding import Binding, Match, PeerPattern
from routing.document import read_text
from routing.migration import migrate as migration_of

R = TypeVar("R")


def match_options(command: Callable[..., R]) -> Callable[..., R]:
    """The fields of a match, handed to the command as `match`; None: none is given."""

    @click.option("--channel")
    @click.option("--account")
    @click.option("--kind", type=click.Choice(["direct", "group", "channel"]), help="Default: from the peer's sign.")
    @click.option("--peer", help="The chat's id, or the person's in a direct chat.")
    @click.option("--thread")
    @click.option("--guild")
    @click.option("--role", "roles", multiple=True)
    @click.option("--sender")
    @wraps(command)
    def collected(
        *args: object,
        channel: str | None,
        account: str | None,
        kind: PeerKind | None,
        peer: str | None,
        thread: str | None,
        guild: str | None,
        roles: tuple[str, ...],
        sender: str | None,
        **kwargs: object,
    ) -> R:
        if kind is None and peer is not None and channel == "telegram":
            kind = "group" if peer.startswith("-") else "direct"
        match = Match(channel, account, PeerPattern(kind, peer), thread, guild, frozenset(roles), sender)
        return command(*args, match=match, **kwargs)

    return collected


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("agent")
@match_options
@click.option("--priority", type=int, default=0, show_default=True)
@files_options
def add(agent: str, match: Match, priority: int, files: Files) -> None:
    """Let AGENT answer what fits; there must be no binding with this match yet."""
    store = bindings_store(load(files))
    store.add(Binding(agent, match, priority))
    click.echo(f"{store.path}: {agent} answers there")


@click.command("set", context_settings={"ignore_unknown_options": True})
@click.argument("agent")
@match_options
@click.option("--priority", type=int, help="Default: as it was.")
@files_options
def set_agent(agent: str, match: Match, priority: int | None, files: Files) -> None:
    """Let AGENT answer what fits, whoever did so before."""
    store = bindings_store(load(files))
    done = store.bind(match, agent, priority)
    click.echo(f"{store.path}: {done}, {agent} answers there")


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("line", type=click.IntRange(1), required=False)
@match_options
@files_options
def remove(line: int | None, match: Match, files: Files) -> None:
    """Take the binding away that begins in LINE, or that has exactly this match."""
    if (line is None) == (match == Match()):
        raise UsageError("name the binding by its line (javis bindings list) or by its match, one of both")
    store = bindings_store(load(files))
    removed = store.unbind(match) if line is None else store.unbind_line(line)
    if removed is None:
        raise UsageError(f"{store.path}: no binding has exactly this match; javis bindings list shows all")
    click.echo(f"{store.path}: {removed.agent} no longer answers there; javis bindings rollback brings it back")


@click.command()
@click.argument("version", required=False)
@click.option("--list", "listed", is_flag=True, help="Show the versions that are kept.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def rollback(version: str | None, listed: bool, as_json: bool, files: Files) -> None:
    """Bring an earlier text of the file back: the newest that differs, or VERSION. A second time undoes it."""
    store = bindings_store(load(files))
    if listed:
        rows = [(each.name, f"{each.kept:%Y-%m-%d %H:%M:%S} UTC", len(each.text)) for each in store.versions()]
        if as_json:
            print_json([dict(zip(("version", "kept", "characters"), row, strict=True)) for row in rows])
        else:
            print_table(["VERSION", "KEPT", "CHARACTERS"], rows)
        return
    back = store.rollback(version)
    click.echo(f"{store.path}: as it was {back.kept:%Y-%m-%d %H:%M:%S} UTC (version {back.name})")


@click.command()
@click.argument("source", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Show the new text and write nothing.")
@files_options
def migrate(source: Path | None, dry_run: bool, files: Files) -> None:
    """Rewrite bindings of OpenClaw or claw0 (in bindings.yaml, or those of SOURCE) in our form; no decision changes."""
    store = bindings_store(load(files))
    if dry_run:
        path = source or store.path
        made = migration_of(read_text(path), str(path), str(store.path))
        click.echo(made.text, nl=False)
    else:
        made = store.migrate(source)
    for change in made.changes:
        click.echo(change, err=dry_run)
    if made.form is None:
        click.echo(f"{source or store.path}: nothing is in another form", err=dry_run)
    elif not dry_run:
        click.echo(f"{store.path}: rewritten from the form of {made.form}; javis bindings rollback brings it back")
