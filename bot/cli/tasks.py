"""`javis tasks`: look at background tasks and steer them."""

import click

from bot.cli.context import Files, Stores, files_options, with_stores
from bot.cli.table import print_json, print_table
from bot.errors import JavisError
from bot.storage.errors import GuardFailed
from bot.tasks.task import Task, TaskState, result_json

STATES = ("queued", "running", "succeeded", "failed", "timed_out", "cancelled")


@click.group()
def tasks() -> None:
    """Look at background tasks and steer them."""


@tasks.command("list")
@click.option("--state", type=click.Choice(STATES))
@click.option("--most", type=click.IntRange(1), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_tasks(state: TaskState | None, most: int, as_json: bool, files: Files) -> None:
    """The newest tasks first."""
    found = with_stores(files, lambda stores: stores.tasks.newest(state, most))
    if as_json:
        print_json([result_json(task) | {"state": task.state} for task in found])
        return
    rows = [(task.id, task.state, f"{task.created:%Y-%m-%d %H:%M}", task.total_tokens, task.name) for task in found]
    print_table(("ID", "STATE", "CREATED", "TOKENS", "NAME"), rows)


@tasks.command()
@click.argument("task_id")
@click.option("--json", "as_json", is_flag=True)
@files_options
def show(task_id: str, as_json: bool, files: Files) -> None:
    """One task with its whole output; the id may be shortened."""
    task = with_stores(files, lambda stores: _find(stores, task_id))
    if as_json:
        print_json(result_json(task) | {"state": task.state, "prompt": task.prompt})
        return
    rows = [("id", task.id), ("name", task.name), ("state", task.state), ("model", task.answered_by or task.model)]
    print_table(("", ""), [*rows, ("error", task.error or "-"), ("told", "yes" if task.acknowledged else "no")])
    click.echo(f"\n{task.prompt}\n\n{task.output or ''}")


@tasks.command()
@click.argument("task_id")
@files_options
def cancel(task_id: str, files: Files) -> None:
    """End a task that waits or runs."""

    async def work(stores: Stores) -> Task:
        task = await _find(stores, task_id)
        try:
            await stores.storage.commit([stores.tasks.cancel(task.id)])
        except GuardFailed:
            raise JavisError(f"{task.id} is {task.state}: only tasks that wait or run can be cancelled") from None
        return task

    click.echo(f"Cancelled {with_stores(files, work).id}")


@tasks.command()
@click.argument("task_id")
@files_options
def retry(task_id: str, files: Files) -> None:
    """Begin an ended task anew."""

    async def work(stores: Stores) -> Task:
        task = await _find(stores, task_id)
        try:
            await stores.storage.commit([stores.tasks.retry(task)])
        except GuardFailed:
            raise JavisError(f"{task.id} is {task.state}: only ended tasks can be tried again") from None
        return task

    click.echo(f"Queued again {with_stores(files, work).id}")


async def _find(stores: Stores, task_id: str) -> Task:
    task = await stores.tasks.find(task_id)
    if task is None:
        raise JavisError(f"no single task has an id that begins with {task_id!r}: see javis tasks list")
    return task
