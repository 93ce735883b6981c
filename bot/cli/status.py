"""`javis status`: what waits, in numbers."""

from typing import Any

import click

from bot.budgets.ledger import Ledger
from bot.budgets.limits import ALL, MILLION, Spent
from bot.budgets.telling import tell_money, tell_tokens
from bot.cli.context import Files, files_options, with_desk
from bot.cli.table import print_json
from bot.methods.desk import Desk
from bot.providers.meter import Asker
from bot.storage.opening import bot_is_running, machines_and_holdings


@click.command()
@click.option("--json", "as_json", is_flag=True)
@files_options
def status(as_json: bool, files: Files) -> None:
    """Show whether the bot runs and what waits."""

    async def count(desk: Desk) -> dict[str, Any]:
        inbox = await desk.storage.read("inbox.waiting_count", {})
        set_aside = await desk.storage.read("inbox.set_aside_count", {})
        return {
            "running": await bot_is_running(desk.settings.database, desk.storage),
            "machines": await machines_and_holdings(desk.settings.database, desk.storage),
            "inbox_waiting": inbox[0]["waiting"],
            "inbox_set_aside": set_aside[0]["set_aside"],
            "outbox": await desk.outbox.counts(),
            "tasks": await desk.tasks.counts(),
            "models_today": await _models_today(desk),
        }

    numbers = with_desk(files, count)
    if as_json:
        print_json(numbers)
        return
    click.echo("A bot is running." if numbers["running"] else "No bot is running.")
    for machine, held in numbers["machines"].items():
        click.echo(f"machine {machine}: {', '.join(held) or 'tasks alone'}")
    click.echo(f"inbox   waiting {numbers['inbox_waiting']} set aside {numbers['inbox_set_aside']}")
    for name in ("outbox", "tasks"):
        counts = numbers[name]
        words = " ".join(f"{state} {number}" for state, number in counts.items()) if isinstance(counts, dict) else ""
        click.echo(f"{name:7} {words or '-'}")
    today = numbers["models_today"]
    click.echo(f"models  today: {today['calls']} calls, {today['told']}")


async def _models_today(desk: Desk) -> dict[str, Any]:
    budgets = desk.settings.budgets
    spent = (await Ledger(desk.storage, desk.clock, budgets).spent(Asker(""))).get(ALL, Spent())
    return {
        "calls": spent.calls,
        "tokens": spent.tokens,
        "cached": spent.cached,
        "money": spent.micros / MILLION,
        "currency": budgets.currency,
        "limit": budgets.bot.model_dump(),
        "told": f"{tell_tokens(spent, budgets.bot)} tokens, {tell_money(spent, budgets.bot, budgets.currency)}",
    }
