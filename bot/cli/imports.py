"""`javis import`: take over what other programs left behind."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click

from bot.cli.context import Files, Loaded, files_options, load, open_desk
from bot.cli.table import print_json
from bot.delivery.foreign import BadFile, ForeignDelivery, Renderer, queue_files, read_queue_file, taken_over
from bot.delivery.item import OutboxItem
from bot.errors import UsageError
from bot.methods.desk import Desk
from channels.registry import load_renderer

FILES_A_COMMIT = 100

T = TypeVar("T")


@dataclass(slots=True)
class Report:
    """What became of the files. `bad`: (path, why) of those that were left alone."""

    counts: Counter[str] = field(default_factory=Counter)
    bad: list[tuple[Path, str]] = field(default_factory=list)
    notes: list[tuple[Path, str]] = field(default_factory=list)


@click.group("import")
def import_() -> None:
    """Take over what other programs left behind."""


@import_.command("claw0-queue")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--account", default="default", show_default=True, help="For messages that name no account.")
@click.option("--json", "as_json", is_flag=True)
@files_options
def claw0_queue(folder: Path, account: str, as_json: bool, files: Files) -> None:
    """Queue what waits in a delivery-queue FOLDER of claw0 or OpenClaw, and keep its failed/ as dead letters.

    Stop the other program first, or it sends the same messages. Its files stay as they are; importing them again
    changes nothing.
    """
    found = queue_files(folder)
    if not found:
        raise UsageError(f"{folder} holds no {{id}}.json: name the folder that is called delivery-queue there")
    report = asyncio.run(_import_queue(load(files), found, account))
    if as_json:
        print_json(
            {
                "queued": report.counts["queued"],
                "failed": report.counts["failed"],
                "expired": report.counts["expired"],
                "known": report.counts["known"],
                "left": [{"file": str(path), "reason": reason} for path, reason in report.bad],
            }
        )
    else:
        _tell(report)
    if report.bad:
        raise click.exceptions.Exit(1)


def _tell(report: Report) -> None:
    for path, words in [*report.bad, *report.notes]:
        click.echo(f"{path}: {words}", err=True)
    counts = report.counts
    click.echo(
        f"Queued {counts['queued']}, kept as failed {counts['failed'] + counts['expired']} "
        f"({counts['expired']} of them too old to send), known already {counts['known']}, left alone {len(report.bad)}"
    )
    if counts["failed"] + counts["expired"]:
        click.echo("Send one of the failed all the same with: javis deliveries retry ID")


async def _import_queue(loaded: Loaded, found: Sequence[tuple[Path, bool]], account: str) -> Report:
    report = Report()
    read = list(_read(_watched(found, "Reading"), report))
    # The order of a chat is that of its rows: the oldest first, whatever its file is called.
    read.sort(key=lambda each: (each[1].created, each[1].id))
    renderers: dict[str, Renderer] = {}
    async with open_desk(loaded) as desk:
        batches = [read[start : start + FILES_A_COMMIT] for start in range(0, len(read), FILES_A_COMMIT)]
        for batch in _watched(batches, "Importing"):
            rows: list[tuple[OutboxItem, datetime | None]] = []
            for path, delivery, failed in batch:
                try:
                    rows += _rows(loaded, desk, delivery, renderers, account, failed=failed)
                except BadFile as bad:
                    report.bad.append((path, str(bad)))
                    continue
                if delivery.files_left:
                    report.notes.append((path, f"its text is taken over, its {delivery.files_left} files are not"))
            await _store(desk, rows, report)
    return report


def _watched(things: Sequence[T], label: str) -> Iterator[T]:
    """`things`, with a progress bar where a person watches."""
    with click.progressbar(things, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as progress:
        yield from progress


def _read(found: Iterable[tuple[Path, bool]], report: Report) -> Iterator[tuple[Path, ForeignDelivery, bool]]:
    for path, failed in found:
        try:
            yield path, read_queue_file(path), failed
        except BadFile as bad:
            report.bad.append((path, str(bad)))


def _rows(
    loaded: Loaded, desk: Desk, found: ForeignDelivery, renderers: dict[str, Renderer], default: str, *, failed: bool
) -> list[tuple[OutboxItem, datetime | None]]:
    """Raises BadFile."""
    account = found.account or default
    config = loaded.settings.channels.get(found.channel)
    manifest = loaded.manifests.get(found.channel)
    if config is None or manifest is None or account not in config.accounts:
        raise BadFile(f"channels.{found.channel}.accounts.{account} is not in the settings")
    problem = manifest.id_problem("peer", found.chat)
    if problem is None and found.thread is not None:
        problem = manifest.id_problem("thread", found.thread)
    if problem is not None:
        raise BadFile(f"to: {problem}")
    if found.channel not in renderers:
        renderer = load_renderer(manifest)
        if renderer is None:
            raise BadFile(f"{found.channel} cannot take over messages")
        renderers[found.channel] = renderer
    language = loaded.settings.language
    return list(taken_over(found, account, language, renderers[found.channel], desk.clock.now(), failed=failed))


async def _store(desk: Desk, rows: Sequence[tuple[OutboxItem, datetime | None]], report: Report) -> None:
    if not rows:
        return
    results = await desk.storage.commit([desk.outbox.enqueue_as(item, ended) for item, ended in rows])
    for (item, _), new in zip(rows, results, strict=True):
        if item.part == 0:
            report.counts["known" if not new else "expired" if item.reason == "expired" else item.state] += 1
