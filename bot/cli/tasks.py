"""`javis tasks`: look at background tasks and steer them."""

from typing import get_args

import click

from bot.cli.context import Files, call, files_options
from bot.cli.table import print_json, print_table
from bot.methods import tasks as methods
from bot.tasks.task import TaskState


@click.group()
def tasks() -> None:
    """Look at background tasks and steer them."""


@tasks.command("list")
@click.option("--state", type=click.Choice(get_args(TaskState)))
@click.option("--most", type=click.IntRange(1, 500), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_tasks(state: TaskState | None, most: int, as_json: bool, files: Files) -> None:
    """The newest tasks first."""
    found = call(files, methods.newest, methods.Some, state=state, limit=most)["tasks"]
    if as_json:
        print_json(found)
        return
    rows = [
        (each["task_id"], each["state"], each["created_at"][:16], each["tokens"]["total"], each["task_name"])
        for each in found
    ]
    print_table(("ID", "STATE", "CREATED (UTC)", "TOKENS", "NAME"), rows)


@tasks.command()
@click.argument("task_id")
@click.option("--json", "as_json", is_flag=True)
@files_options
def show(task_id: str, as_json: bool, files: Files) -> None:
    """One task with its whole output; the id may be shortened."""
    task = call(files, methods.get, methods.One, task_id=task_id)
    if as_json:
        print_json(task)
        return
    told = "yes" if task["acknowledged"] else "no"
    rows = [("id", task["task_id"]), ("name", task["task_name"]), ("state", task["state"]), ("model", task["model"])]
    print_table(("", ""), [*rows, ("error", task["error"] or "-"), ("told", told)])
    click.echo(f"\n{task['prompt']}\n\n{task['output'] or ''}")


@tasks.command()
@click.argument("task_id")
@files_options
def cancel(task_id: str, files: Files) -> None:
    """End a task that waits or runs."""
    click.echo(f"Cancelled {call(files, methods.cancel, methods.One, task_id=task_id)['task_id']}")


@tasks.command()
@click.argument("task_id")
@files_options
def retry(task_id: str, files: Files) -> None:
    """Begin an ended task anew."""
    click.echo(f"Queued again {call(files, methods.retry, methods.One, task_id=task_id)['task_id']}")
