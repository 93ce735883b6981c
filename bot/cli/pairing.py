"""`javis pairing`: let people in who wrote to the bot directly."""

import click

from bot.cli.context import Files, files_options, with_desk
from bot.cli.table import print_json, print_table
from bot.errors import JavisError


@click.group()
def pairing() -> None:
    """Let people in who wrote to the bot directly."""


@pairing.command()
@click.argument("code")
@files_options
def approve(code: str, files: Files) -> None:
    """Let in the person who was given CODE."""
    person = with_desk(files, lambda desk: desk.pairings.approve(code))
    if person is None:
        raise JavisError(f"no live code is {code!r}: codes are good for one hour, see javis pairing list")
    click.echo(f"{person.sender_name} ({person.sender}) may speak on {person.channel} now")


@pairing.command("list")
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_pairings(as_json: bool, files: Files) -> None:
    """Who was let in, and who waits."""
    known = with_desk(files, lambda desk: desk.pairings.known())
    rows = [
        (each.channel, each.account, each.sender, each.sender_name, "waits" if each.code else "paired", each.code)
        for each in known
    ]
    names = ("channel", "account", "sender", "name", "state", "code")
    if as_json:
        print_json([dict(zip(names, row, strict=True)) for row in rows])
    else:
        print_table([name.upper() for name in names], rows)


@pairing.command()
@click.argument("channel")
@click.argument("sender")
@click.option("--account", default="default", show_default=True)
@files_options
def revoke(channel: str, sender: str, account: str, files: Files) -> None:
    """Shut a person out again."""
    if not with_desk(files, lambda desk: desk.pairings.revoke(channel, account, sender)):
        raise JavisError(f"{sender} is not paired on {channel} ({account}): see javis pairing list")
    click.echo(f"{sender} is shut out of {channel}")
