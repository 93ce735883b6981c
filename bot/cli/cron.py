"""`javis cron`: what happens at which times."""

from typing import get_args

import click

from bot.cli.context import Files, call, files_options
from bot.cli.table import print_json, print_table
from bot.errors import JavisError
from bot.jobs.job import Misfire
from bot.methods import schedules as methods
from bot.methods.page import Newest
from bot.settings.heartbeat import ChatAddress


@click.group()
def cron() -> None:
    """What happens at which times."""


@cron.command("list")
@click.option("--most", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_jobs(most: int, as_json: bool, files: Files) -> None:
    """All jobs, the next due first."""
    found = call(files, methods.known, Newest, limit=most)["jobs"]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["state"],
            each["error"] or "-",
            each["schedule"],
            each["zone"],
            (each["next_due_at"] or "-")[:16],
            (each["last_delivered_at"] or "-")[:16],
            f"{each['to']['channel']}:{each['to']['chat']}",
            each["name"],
        )
        for each in found
    ]
    print_table(("ID", "STATE", "ERROR", "SCHEDULE", "ZONE", "NEXT (UTC)", "DELIVERED (UTC)", "TO", "NAME"), rows)


@cron.command()
@click.argument("name")
@click.option("--at", metavar="TIME", help="Once: 2026-12-01T09:00")
@click.option("--every", metavar="SPAN", help="Again and again: 30m, 2h, 1d")
@click.option("--cron", "line", metavar="LINE", help='As in crontab: "0 9 * * 1-5"')
@click.option("--zone", help="Default: schedules.zone of the settings.")
@click.option("--misfire", type=click.Choice(get_args(Misfire)), default="once", show_default=True)
@click.option("--say", metavar="TEXT", help="Send this text.")
@click.option("--ask", metavar="PROMPT", help="Ask an agent, and send its answer.")
@click.option("--agent", help="Default: the default agent of bindings.yaml.")
@click.option("--to", metavar="CHANNEL:CHAT[:THREAD]", help="Default: the owner.")
@click.option("--account", default="default", show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def add(
    name: str,
    at: str | None,
    every: str | None,
    line: str | None,
    zone: str | None,
    misfire: Misfire,
    say: str | None,
    ask: str | None,
    agent: str | None,
    to: str | None,
    account: str,
    as_json: bool,
    files: Files,
) -> None:
    """Make a job called NAME."""
    times = [f"{kind} {value}" for kind, value in (("at", at), ("every", every), ("cron", line)) if value is not None]
    if len(times) != 1:
        raise JavisError("say when, in one way: --at, --every or --cron")
    if (say is None) == (ask is None):
        raise JavisError("say what, in one way: --say or --ask")
    job = call(
        files,
        methods.add,
        methods.Add,
        name=name,
        schedule=times[0],
        zone=zone,
        misfire=misfire,
        action="say" if ask is None else "ask",
        text=say or ask or "",
        agent=agent,
        to=None if to is None else _address(to, account),
    )
    if as_json:
        print_json(job)
    else:
        click.echo(f"{job['id']} is due at {(job['next_due_at'] or '-')[:16]} (UTC)")


@cron.command()
@click.argument("job")
@files_options
def remove(job: str, files: Files) -> None:
    """Forget a job, by its name or id."""
    click.echo(f"Removed {call(files, methods.remove, methods.One, job=job)['id']}")


@cron.command()
@click.argument("job")
@files_options
def run(job: str, files: Files) -> None:
    """Let a job happen now, beside its times."""
    click.echo(f"{call(files, methods.run, methods.One, job=job)['id']} happens now, or when the bot runs")


def _address(text: str, account: str) -> ChatAddress:
    channel, _, rest = text.partition(":")
    chat, _, thread = rest.partition(":")
    if not channel or not chat:
        raise JavisError(f"--to {text}: write it like telegram:-1001234567890, or with a thread: telegram:-100…:42")
    return ChatAddress(channel=channel, account=account, chat=chat, thread=thread or None)
