"""`javis version`."""

import platform
import sqlite3
from importlib.metadata import version as version_of

import click


@click.command()
def version() -> None:
    """Show the versions of Javis and what it runs on."""
    click.echo(f"javis {version_of('javis-bot')} (Python {platform.python_version()}, SQLite {sqlite3.sqlite_version})")
