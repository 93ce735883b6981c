"""`javis token`: who may use the gateway."""

from datetime import timedelta
from typing import Final

import click

from bot.cli.context import Files, files_options, with_desk
from bot.cli.table import print_json, print_table
from bot.errors import JavisError
from bot.gateway.tokens import TokenStore
from bot.methods.desk import Desk
from bot.storage.errors import GuardFailed
from bot.storage.opening import bot_is_running

NOTICED_SECONDS: Final = 1.0  # by then the running bot has seen what was written: the token is good once it is told


@click.group()
def token() -> None:
    """Who may use the gateway."""


@token.command()
@click.argument("name")
@click.option("--days", type=click.IntRange(1), help="How long it is good. Default: for ever.")
@files_options
def create(name: str, days: int | None, files: Files) -> None:
    """Make a token called NAME and print it, this once."""
    lifetime = None if days is None else timedelta(days=days)

    async def make(desk: Desk) -> str:
        token = await _store(desk).create(name, lifetime)
        if await bot_is_running(desk.settings.database, desk.storage):
            await desk.clock.sleep(NOTICED_SECONDS)
        return token

    click.echo(with_desk(files, make))
    click.echo("Keep it: only its hash is stored. Send it as  Authorization: Bearer <token>", err=True)


@token.command("list")
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_tokens(as_json: bool, files: Files) -> None:
    """Every token, without the token itself."""
    known = with_desk(files, lambda desk: _store(desk).known())
    names = ("id", "name", "created", "expires", "revoked")
    rows = [
        (each.id, each.name, *(moment and moment.isoformat() for moment in (each.created, each.expires, each.revoked)))
        for each in known
    ]
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table([name.upper() for name in names], rows)


@token.command()
@click.argument("token_id")
@files_options
def revoke(token_id: str, files: Files) -> None:
    """Let in nobody more with this token; a running bot knows within a second."""
    try:
        with_desk(files, lambda desk: _store(desk).revoke(token_id))
    except GuardFailed:
        raise JavisError(f"there is no good token with the id {token_id!r}: see javis token list") from None
    click.echo(f"{token_id} is revoked")


def _store(desk: Desk) -> TokenStore:
    return TokenStore(desk.storage, desk.clock)
