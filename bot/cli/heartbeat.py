"""`javis heartbeat`: when an agent looks at its HEARTBEAT.md by itself."""

from collections.abc import Sequence

import click

from bot.cli.context import Files, call, files_options
from bot.cli.table import print_json, print_table
from bot.methods import heartbeat as methods
from bot.methods.page import Nothing


@click.group()
def heartbeat() -> None:
    """When an agent looks at its HEARTBEAT.md by itself."""


@heartbeat.command()
@click.option("--json", "as_json", is_flag=True)
@files_options
def status(as_json: bool, files: Files) -> None:
    """Whether each heartbeat would run now, and which check stands against it."""
    _show(call(files, methods.status, Nothing)["heartbeats"], as_json)


@heartbeat.command()
@click.option("--agent", help="Default: every agent that has a heartbeat.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def run(agent: str | None, as_json: bool, files: Files) -> None:
    """Let heartbeats run now, whatever the interval; the other checks hold."""
    _show(call(files, methods.run, methods.Run, agent=agent)["heartbeats"], as_json)


def _show(found: Sequence[methods.HeartbeatView], as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        (each["agent"], "yes" if each["run"] else "no", each["reason"] or "-", (each["next_possible_at"] or "-")[:19])
        for each in found
    ]
    print_table(("AGENT", "RUNS", "REASON", "NEXT POSSIBLE (UTC)"), rows)
    if not found:
        click.echo("No agent has a heartbeat: heartbeat.enabled is false, or its agent is not in bindings.yaml.")
