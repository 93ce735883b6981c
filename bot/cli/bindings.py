"""`javis bindings`: who answers whom, and why."""

import json

import click

from bot.bindings_file import id_problems
from bot.cli.binding_edits import add, migrate, remove, rollback, set_agent
from bot.cli.context import Files, files_options, load
from bot.cli.table import print_json, print_table
from routing.address import Address, Peer, PeerKind
from routing.explain import describe, explain
from routing.json_schema import schema_path
from routing.lint import IdKind, IdProblem, lint
from routing.table import Table


@click.group()
def bindings() -> None:
    """Who answers whom, and why."""


@bindings.command("list")
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_bindings(as_json: bool, files: Files) -> None:
    """Every binding, with its line and its tier."""
    file = load(files).bindings()
    rows = [(each.line, each.agent, each.match.tier.value, each.priority, describe(each)) for each in file.bindings]
    names = ("line", "agent", "tier", "priority", "match")
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table([name.upper() for name in names], rows)
        click.echo(f"Everything else is answered by {file.defaults.agent}.")


@bindings.command()
@files_options
@click.pass_context
def check(ctx: click.Context, files: Files) -> None:
    """Find bindings that cannot work; exit code 1 when there are any."""
    loaded = load(files)
    file = loaded.bindings()
    findings = lint(file, id_problems(loaded.manifests))
    if file.form is not None:
        click.echo(f"{loaded.bindings_path}: in the form of {file.form}; javis bindings migrate rewrites it")
    for finding in findings:
        place = str(loaded.bindings_path) if finding.line is None else f"{loaded.bindings_path}:{finding.line}"
        click.echo(f"{place}: {finding.severity}: {finding.message}")
    if findings:
        ctx.exit(1)
    click.echo(f"{loaded.bindings_path}: {len(file.bindings)} bindings, {len(file.agents)} agents, all in order")


@bindings.command()
@click.option("--path", "path_only", is_flag=True, help="Where it lies, for `# yaml-language-server: $schema=…`.")
def schema(path_only: bool) -> None:
    """The JSON Schema of bindings.yaml, for editors."""
    click.echo(schema_path().as_uri() if path_only else schema_path().read_text("utf-8"), nl=path_only)


@bindings.command("explain", context_settings={"ignore_unknown_options": True})
@click.option("--channel", required=True)
@click.option("--peer", required=True, help="The chat's id, or the person's in a direct chat.")
@click.option("--kind", type=click.Choice(["direct", "group", "channel"]), help="Default: from the id's sign.")
@click.option("--account", default="default", show_default=True)
@click.option("--thread")
@click.option("--guild")
@click.option("--role", "roles", multiple=True)
@click.option("--sender", help="Default in a direct chat: the peer.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def explain_route(
    channel: str,
    peer: str,
    kind: PeerKind | None,
    account: str,
    thread: str | None,
    guild: str | None,
    roles: tuple[str, ...],
    sender: str | None,
    as_json: bool,
    files: Files,
) -> None:
    """Which agent answers a message from there, and what was tried."""
    kind = kind or _kind(peer, guild)
    sender = sender or (peer if kind == "direct" else None)
    address = Address(channel, account, Peer(kind, peer), thread, guild, frozenset(roles), sender)
    loaded = load(files)
    _warn_of_odd_ids(address, id_problems(loaded.manifests))
    file = loaded.bindings()
    explanation = explain(Table(file.bindings, file.defaults), address)
    if as_json:
        click.echo(json.dumps(explanation.to_json(), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(explanation.lines()))


def _warn_of_odd_ids(address: Address, problem: IdProblem) -> None:
    """Say on stderr which ids the platform never gives, such as an @handle: the answer would mislead."""
    kinds: list[tuple[IdKind, str | None]] = [
        ("peer", address.peer.id),
        ("thread", address.thread),
        ("guild", address.guild),
        ("sender", address.sender if address.sender != address.peer.id else None),
        *(("role", role) for role in sorted(address.roles)),
    ]
    for kind, id_ in kinds:
        fault = None if id_ is None else problem(address.channel, kind, id_)
        if fault is not None:
            click.echo(f"javis: {kind} {id_!r} cannot occur in {address.channel}: {fault}", err=True)


def _kind(peer: str, guild: str | None) -> PeerKind:
    if guild is not None:
        return "channel"
    return "group" if peer.startswith("-") else "direct"


for command in (add, set_agent, remove, rollback, migrate):
    bindings.add_command(command)
