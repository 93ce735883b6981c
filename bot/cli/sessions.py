"""`javis sessions`: what was said, kept, moved out and brought back."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from bot.cli.context import Files, call, files_options, with_desk
from bot.cli.table import print_json, print_table
from bot.errors import JavisError
from bot.methods import sessions as methods
from bot.methods.desk import Desk
from bot.sessions.archive import Progress
from bot.sessions.exchange import Importer, export_sessions, read_folder
from bot.sessions.store import Session
from bot.sessions.transcript import Record

EVERY: Final = 2**31
FOLDER: Final = click.Path(path_type=Path, file_okay=False)


@click.group()
def sessions() -> None:
    """Look at conversations, move them out and bring them back.

    A conversation is named by its session key, or by its number where a key has had several.
    """


@sessions.command("list")
@click.option("--closed", is_flag=True, help="Those that have ended.")
@click.option("--most", type=click.IntRange(1, 500), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def list_sessions(closed: bool, most: int, as_json: bool, files: Files) -> None:
    """The newest conversations first."""
    found = call(files, methods.newest, methods.Listed, limit=most, closed=closed)["sessions"]
    if as_json:
        print_json(found)
        return
    rows = [
        (each["id"], each["state"], each["messages"], each["last_active_at"][:16], each["session_key"])
        for each in found
    ]
    print_table(("ID", "STATE", "MESSAGES", "LAST ACTIVE (UTC)", "SESSION"), rows)


@sessions.command()
@click.argument("session")
@click.option("--most", type=click.IntRange(1, 100_000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@files_options
def show(session: str, most: int, as_json: bool, files: Files) -> None:
    """The last messages of SESSION, archived ones too."""
    found, records = with_desk(files, lambda desk: _read(desk, session, most))
    if as_json:
        print_json({**methods.view(found), "messages": [methods.message_view(record) for record in records]})
        return
    click.echo(f"{found.key} ({found.id}), {found.state}, {found.messages} messages")
    for record in records:
        speaker = record.metadata.get("sender") if record.role == "user" else None
        click.echo(f"\n{record.timestamp:%Y-%m-%d %H:%M} {speaker or record.role}\n{record.content}")


@sessions.command("export")
@click.argument("folder", type=FOLDER)
@click.argument("session", nargs=-1)
@click.option("--closed", is_flag=True, help="Those that have ended too, archived or not.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def export_(folder: Path, session: tuple[str, ...], closed: bool, as_json: bool, files: Files) -> None:
    """Write SESSION…, or all of them, into FOLDER: sessions.jsonl and transcripts/."""
    if (folder / "sessions.jsonl").exists():
        raise JavisError(f"{folder} holds an export already: name another folder")

    async def work(desk: Desk) -> tuple[int, int]:
        chosen = [await _find(desk, each) for each in session] or await _every(desk, closed=closed)
        with _bar(sum(each.messages for each in chosen), "Exporting") as progress:
            return len(chosen), await export_sessions(desk.sessions, desk.archive, chosen, folder, progress)

    number, records = with_desk(files, work)
    if as_json:
        print_json({"sessions": number, "messages": records, "folder": str(folder)})
    else:
        click.echo(f"Wrote {records} messages of {number} conversations to {folder}")


@sessions.command("import")
@click.argument("folder", type=FOLDER)
@click.option("--replace", is_flag=True, help="Where a conversation is open under the same key, close that one.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def import_(folder: Path, replace: bool, as_json: bool, files: Files) -> None:
    """Take over the conversations in FOLDER, in the form that `export` and claw0 write.

    Every file is looked through first; with a fault in one of them nothing is taken over.
    """
    found = read_folder(folder)

    async def work(desk: Desk) -> list[str]:
        importer, left = Importer(desk.storage, desk.sessions, desk.clock), list[str]()
        with _bar(sum(each.records for each in found), "Importing") as progress:
            for each in found:
                if not await importer.take(each, progress, in_place=replace):
                    left.append(each.key)
        return left

    left = with_desk(files, work)
    if as_json:
        print_json({"taken": len(found) - len(left), "left": left})
        return
    for key in left:
        click.echo(f"{key}: left alone, it is open here already; --replace closes it first", err=True)
    click.echo(f"Took over {len(found) - len(left)} conversations, left {len(left)} alone")


@sessions.command()
@click.argument("session")
@click.option("--json", "as_json", is_flag=True)
@files_options
def archive(session: str, as_json: bool, files: Files) -> None:
    """Close SESSION and move it to a file; the next message begins a fresh one."""

    async def work(desk: Desk) -> Session:
        found = await _find(desk, session)
        if found.state == "archived":
            raise JavisError(f"{found.key} ({found.id}) is archived already")
        if found.state == "open":
            await desk.storage.commit([desk.sessions.close(found.key)])
        with _bar(found.messages, "Archiving") as progress:
            return await desk.archive.store(found, progress)

    _tell("Archived", with_desk(files, work), as_json=as_json)


@sessions.command()
@click.argument("session")
@click.option("--json", "as_json", is_flag=True)
@files_options
def restore(session: str, as_json: bool, files: Files) -> None:
    """Go on with a SESSION that has ended; a key means the last one that it had. The open one is closed."""

    async def work(desk: Desk) -> Session:
        found = await _find(desk, session, ended=True)
        with _bar(found.messages, "Restoring") as progress:
            return await desk.archive.restore(found, progress)

    _tell("Restored", with_desk(files, work), as_json=as_json)


@sessions.command()
@click.argument("session_key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def delete(session_key: str, yes: bool, as_json: bool, files: Files) -> None:
    """Forget everything that was said under SESSION_KEY, for good, archived files too."""
    if not yes:
        click.confirm(f"Forget everything that was said in {session_key}?", abort=True, err=True)
    done = call(files, methods.delete, methods.One, session_key=session_key)
    if as_json:
        print_json(done)
    else:
        click.echo(f"Deleted {done['session_key']}")


def _tell(done: str, session: Session, *, as_json: bool) -> None:
    if as_json:
        print_json({**methods.view(session), "archive": session.archive})
    else:
        where = f" in {session.archive}" if session.archive else ""
        click.echo(f"{done} {session.key} ({session.id}): {session.messages} messages{where}")


async def _find(desk: Desk, name: str, *, ended: bool = False) -> Session:
    """The session of that number, or the newest of that key, `ended` only where one that has ended is meant."""
    if name.isascii() and name.isdigit() and len(name) < 19:
        found = await desk.sessions.get(int(name))
    else:
        known = await desk.sessions.of_key(methods.whole_key(name))
        found = next((each for each in known if not (ended and each.state == "open")), None)
    if found is None:
        raise JavisError(f"there is no conversation {name!r}: see javis sessions list, and --closed")
    return found


async def _every(desk: Desk, *, closed: bool) -> list[Session]:
    ended = await desk.sessions.newest(EVERY, closed=True) if closed else []
    return [*await desk.sessions.newest(EVERY), *ended]


async def _read(desk: Desk, name: str, most: int) -> tuple[Session, Sequence[Record]]:
    found = await _find(desk, name)
    if found.state == "archived":
        return found, [line.record for line in (await desk.archive.read(found))[-most:]]
    return found, await desk.sessions.last(found.id, most)


@contextmanager
def _bar(length: int, label: str) -> Iterator[Progress]:
    """A progress bar where a person watches."""
    with click.progressbar(length=length, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        yield bar.update
