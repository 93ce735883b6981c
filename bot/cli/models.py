"""`javis models`: which models there are, how their keys do, and whether they answer."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import click

from bot.budgets.ledger import Ledger
from bot.cli.context import Files, call, files_options, load, open_desk
from bot.cli.table import print_json, print_table
from bot.methods import models as methods
from bot.methods.desk import CommandLine, Desk
from bot.methods.models import FaultView
from bot.methods.page import Nothing
from bot.methods.usage import Period
from bot.methods.usage import usage as usage_method
from bot.providers.connections import open_connections
from bot.providers.cooldown import Cooldowns
from bot.providers.models import Models

R = TypeVar("R")


@click.group()
def models() -> None:
    """Which models there are, and how their keys do."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_models(as_json: bool, files: Files) -> None:
    """Every model with its keys; nobody is asked."""
    page = _with_models(files, lambda desk: methods.newest(desk, CommandLine(), Nothing()))
    if as_json:
        print_json(page)
        return
    names = ("name", "provider", "model", "server", "key", "weight", "rpm", "vision", "state", "reason", "ready_at")
    shown = [{**each, "vision": "yes" if each["vision"] else None} for each in page["models"]]
    rows = [[str(each.get(name) or "-") for name in names] for each in shown]
    print_table([name.upper() for name in names], rows)
    _print_faults(page["faults"])


@models.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True)
@files_options
@click.pass_context
def probe(ctx: click.Context, name: str | None, as_json: bool, files: Files) -> None:
    """Ask each key of the model NAME, or of all, one short question; exit code 1 when one fails.

    It costs a few tokens. A key that answers is no longer left alone.
    """
    page = _with_models(files, lambda desk: methods.probe(desk, CommandLine(), methods.Which(name=name)))
    if as_json:
        print_json(page)
    else:
        names = ("name", "provider", "model", "server", "key", "outcome", "seconds", "detail")
        rows = [[str(each.get(name) or "-") for name in names] for each in page["probes"]]
        print_table([name.upper() for name in names], rows)
        _print_faults(page["faults"])
    ctx.exit(int(bool(page["faults"]) or any(each["outcome"] != "ok" for each in page["probes"])))


@models.command()
@click.option("--days", type=click.IntRange(1, 90), default=1, show_default=True, help="Today and the days before.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def usage(days: int, as_json: bool, files: Files) -> None:
    """Tokens and money by day, and calls by key, model and outcome."""
    told = call(files, usage_method, Period, days=days)
    if as_json:
        print_json(told)
        return
    _print_costs(("day", "scope", "calls", "tokens", "cached"), told["spending"], told["currency"])
    click.echo()
    names = ("provider", "model", "key", "outcome", "calls", "prompt", "cached", "completion", "seconds")
    _print_costs(names, told["calls"], told["currency"])


def _print_faults(faults: Sequence[FaultView]) -> None:
    for fault in faults:
        click.echo(f"! {fault['fault']}")


def _print_costs(names: Sequence[str], rows: Sequence[Mapping[str, Any]], currency: str) -> None:
    told = [[*(row[name] for name in names), f"{row['money']:.4f}"] for row in rows]
    print_table([*(name.upper() for name in names), currency], told)


def _with_models(files: Files, work: Callable[[Desk], Awaitable[R]]) -> R:
    async def run() -> R:
        loaded = load(files)
        settings = loaded.settings
        async with open_desk(loaded) as desk, open_connections() as connections:
            cooldowns = Cooldowns(settings.cooldown, desk.clock, desk.storage)
            await cooldowns.refresh()
            ledger = Ledger(desk.storage, desk.clock, settings.budgets)
            models = Models(settings.model_list, connections.through, desk.clock, cooldowns=cooldowns, meter=ledger)
            try:
                return await work(replace(desk, models=models))
            finally:
                await ledger.drain()

    return asyncio.run(run())
