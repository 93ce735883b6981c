"""`javis doctor`: what is wrong, and what to do about it."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import click

from bot.cli.bindings import id_problems
from bot.cli.context import Files, Loaded, files_options, load, open_desk
from bot.cli.failure import tell
from bot.cli.table import print_json
from bot.providers.bases import ModelFault
from bot.providers.models import Models, open_http
from bot.storage.errors import StorageError
from bot.storage.lock import run_is_active
from channels.clock import SystemClock
from channels.errors import ChannelError
from channels.port import ChannelContext
from channels.registry import open_channel
from routing.lint import lint

SCARCE_BYTES = 500 * 1024 * 1024

Level = Literal["ok", "warning", "error"]
SIGNS: dict[Level, str] = {"ok": "✓", "warning": "!", "error": "✗"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, with its remedy where it needs one."""

    level: Level
    text: str


@click.command()
@click.option("--json", "as_json", is_flag=True)
@files_options
@click.pass_context
def doctor(ctx: click.Context, as_json: bool, files: Files) -> None:
    """Look for faults; exit code 0 all well, 1 warnings, 2 errors."""
    findings = asyncio.run(_examine(files))
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            click.echo(f"{SIGNS[finding.level]} {finding.text}")
    levels = {finding.level for finding in findings}
    ctx.exit(2 if "error" in levels else int("warning" in levels))


async def _examine(files: Files) -> list[Finding]:
    try:
        loaded = load(files)
    except Exception as error:  # noqa: BLE001 - whatever is wrong is what we are asked to tell
        return [Finding("error", line) for line in tell(error) or [f"settings: {error!r}"]]
    findings = [Finding("ok", "the settings are in order"), *_bindings(loaded), *_disk(loaded)]
    return [*findings, *await _models(loaded), *await _database(loaded), *await _channels(loaded)]


def _bindings(loaded: Loaded) -> Iterator[Finding]:
    try:
        file = loaded.bindings()
    except Exception as error:  # noqa: BLE001 - as above
        yield from (Finding("error", line) for line in tell(error) or [repr(error)])
        return
    found = lint(file, id_problems(loaded.manifests))
    for each in found:
        yield Finding(each.severity, f"{loaded.bindings_path}:{each.line or 1}: {each.message}")
    if not found:
        yield Finding("ok", f"{loaded.bindings_path} is in order")


def _disk(loaded: Loaded) -> Iterator[Finding]:
    home = loaded.settings.home
    folder = next(each for each in (home, *home.parents) if each.exists())
    free = shutil.disk_usage(folder).free
    if free < SCARCE_BYTES:
        yield Finding("warning", f"only {free // 2**20} MB are free at {home}: make room")
    if home.exists() and home.stat().st_mode & 0o077:
        yield Finding("warning", f"others may read {home}: chmod 700 {home}")


async def _models(loaded: Loaded) -> list[Finding]:
    """Whether every model has what it needs to be asked; none is asked, which would cost money."""
    async with open_http() as http:
        models = Models(loaded.settings.model_list, http, SystemClock())
        findings = []
        for name in models.names:
            try:
                models.find(name)
            except ModelFault as fault:
                findings.append(Finding("warning", f"{fault}: set KIMI_API_KEY, or its api_key in javis.yaml"))
            else:
                findings.append(Finding("ok", f"model {name} is set up"))
    return findings


async def _database(loaded: Loaded) -> list[Finding]:
    running = "a bot is running on it" if run_is_active(loaded.settings.database) else "no bot is running on it"
    try:
        async with open_desk(loaded) as desk:
            counts = await desk.outbox.counts()
    except StorageError as error:
        return [Finding("error", str(error))]
    findings = [Finding("ok", f"the database opens; {running}")]
    for state in ("failed", "unknown"):
        if counts.get(state):
            words = f"{counts[state]} messages are {state}: javis deliveries list --state {state}"
            findings.append(Finding("warning", words))
    return findings


async def _channels(loaded: Loaded) -> list[Finding]:
    """Log in with every token; nothing is sent or received."""
    findings = []
    for name, config in loaded.settings.channels.items():
        if not config.enabled or loaded.manifests[name].interactive:
            continue
        for account in config.accounts:
            context = ChannelContext(account, config, SystemClock())
            try:
                async with open_channel(loaded.manifests[name], context) as channel:
                    findings.append(Finding("ok", f"{name} ({account}) knows this bot as {channel.identity}"))
                    findings += [Finding("warning", f"{name} ({account}): {note}") for note in channel.notes]
            except ChannelError as error:
                findings.append(Finding("error", f"{name} ({account}): {error}"))
    if not findings:
        variables = "TELEGRAM_BOT_TOKEN or DISCORD_BOT_TOKEN"
        words = f"no channel has a token: set {variables}; until then javis run starts the simulator"
        findings.append(Finding("warning", words))
    return findings
