"""`javis onboard`: from nothing to files with which `javis run` starts."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx
import yaml
from pydantic import SecretStr
from typing_extensions import override

from bot.catalogue import LANGUAGES
from bot.errors import JavisError
from bot.files import write_atomically
from bot.settings.env_file import read_env_file, with_values
from bot.settings.load import KIMI_API_URL, load_settings
from bot.settings.model import Settings
from channels.clock import SystemClock
from channels.config import BotAccount
from channels.errors import ChannelError
from channels.message import InboundMessage, JsonObject
from channels.port import NOTHING, Channel, ChannelContext, ChannelManifest, Inbox, RawUpdate, Suggestion
from channels.registry import load_manifests, open_channel
from routing.json_schema import schema_path

WAIT_SECONDS = 120
MODEL_SECONDS = 15.0
ORIGINS = {
    "TELEGRAM_BOT_TOKEN": "https://t.me/BotFather",
    "DISCORD_BOT_TOKEN": "https://discord.com/developers/applications",
}
BINDINGS = """\
# yaml-language-server: $schema={schema}
# Who answers whom. javis bindings explain tells why; javis bindings check looks for faults.
defaults: {{agent: main}}
agents:
  - {{id: main, kind: llm, model: kimi}}
bindings: []
"""


@dataclass(slots=True)
class Answers:
    """What the person told us: variables for the environment, and the owner's id by channel."""

    variables: dict[str, str] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)


@click.command()
@click.option("--env-file", type=click.Path(path_type=Path, dir_okay=False), default="javis.env", show_default=True)
@click.option("--wait", default=WAIT_SECONDS, show_default=True, help="Seconds to wait for your first message.")
def onboard(env_file: Path, wait: int) -> None:
    """Ask for tokens, check them, and write the files."""
    environ = {**(read_env_file(env_file) if env_file.exists() else {}), **os.environ}
    manifests = load_manifests()
    settings_path = Path("javis.yaml")
    settings = load_settings(settings_path if settings_path.exists() else None, environ, manifests)
    answers = Answers()
    for manifest in manifests.values():
        if manifest.token_variable is not None:
            _ask_for_token(manifest, settings, environ, wait, answers)
    _ask_for_key(settings, environ, answers)
    if not any(manifest.token_variable in {*answers.variables, *environ} for manifest in manifests.values()):
        click.echo("No platform has a token; javis run would start the simulator.")
    _write(env_file, settings_path, answers)


def _ask_for_token(
    manifest: ChannelManifest, settings: Settings, environ: Mapping[str, str], wait: int, answers: Answers
) -> None:
    """Until a token is taken by its platform, or none is given."""
    variable = manifest.token_variable or ""
    while True:
        origin = f", from {ORIGINS[variable]}" if variable in ORIGINS else ""
        token = _ask(variable, f"Token of your {manifest.name} bot{origin}", environ)
        if not token:
            return
        config = settings.channels.get(manifest.name)
        if config is None:  # only a channel with a token has settings when the file is silent about it
            config = load_settings(None, {variable: token}, {manifest.name: manifest}).channels[manifest.name]
        config = config.model_copy(update={"accounts": {"default": BotAccount(token=SecretStr(token))}})
        try:
            owner = asyncio.run(_meet(manifest, ChannelContext("default", config, SystemClock()), wait))
        except ChannelError as error:
            click.echo(f"✗ {manifest.name}: {error}. Try again, or press Enter to go on without it.")
            environ = {name: value for name, value in environ.items() if name != variable}
            continue
        answers.variables[variable] = token
        if owner is not None:
            answers.owners[manifest.name] = owner
        return


def _ask(variable: str, what: str, environ: Mapping[str, str]) -> str:
    known = environ.get(variable, "").strip()
    if known and click.confirm(f"Use the {variable} that is set already?", default=True):
        return known
    hidden = sys.stdin.isatty()  # what is piped in is shown to nobody
    answer: str = click.prompt(f"{what} (Enter for none)", default="", show_default=False, hide_input=hidden)
    return answer.strip()


async def _meet(manifest: ChannelManifest, context: ChannelContext, wait: int) -> str | None:
    """Log in and learn the owner's id from their first message; None when they would rather not say one."""
    async with open_channel(manifest, context) as channel:
        click.echo(f"✓ {manifest.name} knows this bot as {channel.identity}")
        for note in channel.notes:
            click.echo(f"! {note}")
        if not click.confirm("Make yourself its owner? You would write it a message now.", default=True):
            return None
        click.echo(f"Write anything to {channel.identity} directly; I wait {wait} seconds …")
        message = await _first_words(channel, wait)
    if message is None or not message.address.sender:
        click.echo("Nothing came. You can put your id under channels.….owners in javis.yaml later.")
        return None
    click.echo(f"✓ {message.sender_name} ({message.address.sender}) becomes the owner")
    return message.address.sender


async def _first_words(channel: Channel, wait: int) -> InboundMessage | None:
    """The first direct message; it is not acknowledged, so the bot answers it when it runs."""
    inbox = _Ear(channel)
    receiving = asyncio.create_task(channel.receive(inbox), name="receive")
    try:
        async with asyncio.timeout(wait):
            return await inbox.heard
    except TimeoutError:
        return None
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)


class _Ear(Inbox):
    """Hears, and stores nothing."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.heard: asyncio.Future[InboundMessage] = asyncio.get_running_loop().create_future()

    @override
    async def store(
        self,
        updates: Sequence[RawUpdate],
        remember: Mapping[str, str] = NOTHING,
        *,
        within_seconds: float | None = None,
    ) -> None:
        for update in updates:
            message = self._channel.parse(json.loads(update.raw))
            if not isinstance(message, InboundMessage) or self.heard.done():
                continue
            if message.address.peer.kind == "direct":
                self.heard.set_result(message)
        raise JavisError("this is not the bot: it answers when it runs")

    @override
    async def suggest(self, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        return ()


def _ask_for_key(settings: Settings, environ: Mapping[str, str], answers: Answers) -> None:
    """Until the model's provider takes a key, or none is given."""
    while True:
        key = _ask("KIMI_API_KEY", "Key for Kimi, from https://platform.moonshot.cn", environ)
        if not key:
            return
        problem = _key_problem(settings.kimi.api_url or KIMI_API_URL, key)
        if problem is None:
            click.echo("✓ Kimi takes this key")
            answers.variables["KIMI_API_KEY"] = key
            return
        click.echo(f"✗ {problem}. Try again, or press Enter to go on without it.")
        environ = {name: value for name, value in environ.items() if name != "KIMI_API_KEY"}


def _key_problem(api_url: str, key: str) -> str | None:
    """None where listing the models works, which costs nothing."""
    try:
        response = httpx.get(f"{api_url}/models", headers={"Authorization": f"Bearer {key}"}, timeout=MODEL_SECONDS)
    except httpx.HTTPError as error:
        return f"{api_url} cannot be reached ({type(error).__name__})"
    if response.status_code in {401, 403}:
        return f"{api_url} refuses the key (keys of moonshot.cn and moonshot.ai are not interchangeable)"
    return None if response.is_success else f"{api_url} answers {response.status_code}"


def _write(env_file: Path, settings_path: Path, answers: Answers) -> None:
    before = env_file.read_text(encoding="utf-8") if env_file.exists() else ""
    write_atomically(env_file, with_values(before, answers.variables))
    click.echo(f"✓ {env_file} holds what is secret (mode 0600)")
    bindings = Path("bindings.yaml")
    if not bindings.exists():
        write_atomically(bindings, BINDINGS.format(schema=schema_path().as_uri()))
        click.echo(f"✓ {bindings}: agent main answers everywhere")
    owners = {name: {"owners": [owner]} for name, owner in answers.owners.items()}
    if not settings_path.exists():
        language = click.prompt("The bot's language", type=click.Choice(LANGUAGES), default="zh-Hant")
        content = {"language": language} | ({"channels": owners} if owners else {})
        write_atomically(settings_path, yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
        click.echo(f"✓ {settings_path}: see javis.example.yaml for all that may stand there")
    elif owners:
        click.echo(f"{settings_path} is there already and stays as it is. Put this into it:")
        click.echo(yaml.safe_dump({"channels": owners}, allow_unicode=True))
    click.echo(f"\nStart the bot:  javis run --env-file {env_file}")
