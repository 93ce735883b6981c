"""`javis doctor`: what is wrong, and what to do about it."""

import asyncio
import shutil
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal

import click
import httpx

from bot.bindings_file import id_problems
from bot.cli.beside import is_among_stand_ins, settings_of_the_running_bot
from bot.cli.context import Files, Loaded, files_options, load, open_desk
from bot.cli.failure import tell
from bot.cli.model_findings import faults_of_models
from bot.cli.table import print_json
from bot.errors import LOG_IN_AGAIN, ConfigurationError
from bot.gateway.bind import check_bind
from bot.providers.connections import open_connections
from bot.providers.models import Models
from bot.settings.model import Settings
from bot.storage.errors import StorageError
from bot.storage.opening import bot_is_running, machines_and_holdings
from bot.tools.mcp_servers import McpServers
from bot.webhooks.check import webhook_faults
from channels.clock import SystemClock
from channels.errors import ChannelError, Unauthorized
from channels.port import ChannelContext
from channels.registry import open_channel
from routing.faults import FileFaults
from routing.lint import lint

SCARCE_BYTES = 500 * 1024 * 1024
GATEWAY_SECONDS = 5.0

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
    loaded = replace(loaded, settings=settings_of_the_running_bot(loaded.settings))
    findings = [Finding("ok", "the settings are in order"), *_bindings(loaded), *_disk(loaded)]
    running, of_database = await _database(loaded)
    if is_among_stand_ins(loaded.settings):
        words = "its platforms and its model are stand-ins, which need no token: javis onboard takes the real ones"
        return [*findings, *of_database, Finding("ok", words)]
    findings += [*await _models(loaded), *of_database, *await _gateway(loaded.settings, running=running)]
    findings += [Finding("error", fault) for fault in webhook_faults(loaded.settings)]
    return [*findings, *await _mcp_servers(loaded.settings), *await _channels(loaded)]


async def _mcp_servers(settings: Settings) -> list[Finding]:
    """Whether each MCP server starts and lists its tools."""
    entries = {name: entry for name, entry in settings.tools.mcp.items() if entry.enabled}
    servers = McpServers(entries, settings.home / "mcp", SystemClock())
    try:
        counts = await servers.check()
    finally:
        await servers.close()
    findings = []
    for name, count in counts.items():
        if count is None:
            where = "see its url" if entries[name].url else f"see {settings.home / 'mcp' / f'{name}.log'}"
            words = f"the MCP server {name} does not start: {where}, or set tools.mcp.{name}.enabled to false"
            findings.append(Finding("error", words))
        else:
            findings.append(Finding("ok", f"the MCP server {name} has {count} tools"))
    return findings


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
    """Whether every model has what it needs to be asked."""
    settings = loaded.settings
    try:
        agents = {entry.id: entry for entry in loaded.bindings().agents}
    except (FileFaults, ConfigurationError):  # told already
        agents = {}
    async with open_connections() as connections:
        models = Models(settings.model_list, connections.through, SystemClock())
        faults = [Finding("warning", fault) for fault in faults_of_models(models, settings, agents)]
        sound = [name for name in models.names if not models.faults(name)]
    return [*(Finding("ok", f"model {name} is set up") for name in sound), *faults]


async def _database(loaded: Loaded) -> tuple[bool, list[Finding]]:
    """(whether a bot runs on it, what was found)."""
    try:
        async with open_desk(loaded) as desk:
            running = await bot_is_running(loaded.settings.database, desk.storage)
            held_by = await machines_and_holdings(loaded.settings.database, desk.storage)
            counts = await desk.outbox.counts()
            (inbox,) = await desk.storage.read("inbox.set_aside_count", {})
    except StorageError as error:
        return False, [Finding("error", str(error))]
    findings = [Finding("ok", f"the database opens; {'a bot' if running else 'no bot'} is running on it")]
    findings += [
        Finding("ok", f"{machine} holds {', '.join(held) or 'no account'}") for machine, held in held_by.items()
    ]
    for state in ("failed", "unknown"):
        if counts.get(state):
            words = f"{counts[state]} messages are {state}: javis deliveries list --state {state}"
            findings.append(Finding("warning", words))
    if inbox["set_aside"]:
        words = f"{inbox['set_aside']} messages were set aside in the last days: javis trace --state quarantined"
        findings.append(Finding("warning", words))
    return running, findings


async def _gateway(settings: Settings, *, running: bool) -> list[Finding]:
    """Whether the gateway answers where a bot runs, and could be opened where none does."""
    gateway = settings.gateway
    if not gateway.enabled or not gateway.port:
        return []
    where = f"{gateway.host}:{gateway.port}"
    if running:
        host = f"[{gateway.host}]" if ":" in gateway.host else gateway.host
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=GATEWAY_SECONDS) as http:
                health = (await http.get(f"http://{host}:{gateway.port}/health")).json()
        except (httpx.HTTPError, ValueError):
            words = f"the gateway does not answer at {where}: see the bot's log; it reads gateway.port at its start"
            return [Finding("warning", words)]
        trouble = [Finding("warning", f"the running bot says: {each}") for each in health.get("trouble", [])]
        return trouble or [Finding("ok", f"the gateway answers at {where}")]
    try:
        check_bind(gateway)
        socket.create_server((gateway.host, gateway.port)).close()
    except ConfigurationError as error:
        return [Finding("error", str(error))]
    except OSError as error:
        return [Finding("warning", f"the gateway cannot listen at {where} ({error.strerror}): set gateway.port")]
    return [Finding("ok", f"the gateway can listen at {where}")]


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
                remedy = f": {LOG_IN_AGAIN}" if isinstance(error, Unauthorized) else ""
                findings.append(Finding("error", f"{name} ({account}): {error}{remedy}"))
    if not loaded.settings.has_tokens:
        variables = "TELEGRAM_BOT_TOKEN or DISCORD_BOT_TOKEN"
        words = f"no platform has a token: javis onboard, or set {variables}; until then javis run starts the simulator"
        findings.append(Finding("warning", words))
    return findings
