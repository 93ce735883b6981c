"""`javis backup`: a copy of the database, taken while the bot works."""

import sys
from pathlib import Path

import click

from bot.cli.context import Files, files_options, load
from bot.errors import UsageError
from bot.storage.backup import back_up


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@files_options
def backup(file: Path, files: Files) -> None:
    """Copy the database into FILE, beside the running bot.

    FILE must not be there yet.

    To bring it back, stop the bot and put the file in the place of JAVIS_HOME/javis.db (and remove javis.db-wal).
    """
    database = load(files).settings.database
    if not isinstance(database, Path):
        raise UsageError(
            "the database is on PostgreSQL, which has a tool of its own: "
            'pg_dump --format=custom --file=javis.dump "$JAVIS_DATABASE_URL"'
        )
    with click.progressbar(length=0, label="Copying", file=sys.stderr, hidden=not sys.stderr.isatty()) as progress:

        def show(pages: int, of: int) -> None:
            progress.length = of
            progress.update(pages - progress.pos)

        try:
            back_up(database, file, show)
        except FileExistsError:
            raise UsageError(f"{file} is there already: name a new file") from None
    click.echo(f"{file}  {file.stat().st_size / 2**20:.1f} MB")
