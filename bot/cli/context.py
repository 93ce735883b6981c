"""What every command begins with: settings, bindings, stores."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

import click
from pydantic import BaseModel, ValidationError

from bot import words
from bot.bindings_file import BindingsStore, id_problems
from bot.catalogue import Catalogue
from bot.cli.beside import settings_of_the_running_bot
from bot.errors import ConfigurationError, UsageError
from bot.log import configure_logging
from bot.methods.desk import Caller, CommandLine, Desk
from bot.methods.failure import faults_of
from bot.settings.env_file import read_env_file
from bot.settings.load import load_settings
from bot.settings.model import Settings
from bot.storage.opening import open_storage
from bot.stores import stores_on
from channels.clock import SystemClock
from channels.port import ChannelManifest
from channels.registry import load_manifests
from routing.faults import Fault, FileFaults
from routing.file import BindingsFile, load_bindings
from routing.table import Table

M = TypeVar("M", bound=BaseModel)
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Files:
    """Which files the person named; None: nobody named one."""

    settings: Path | None
    bindings: Path
    env_file: Path | None


@dataclass(frozen=True, slots=True)
class Loaded:
    """All that the files and the environment say."""

    settings: Settings
    manifests: Mapping[str, ChannelManifest]
    environ: Mapping[str, str]
    bindings_path: Path

    def bindings(self) -> BindingsFile:
        """Raises FileFaults."""
        if not self.bindings_path.exists():
            raise ConfigurationError(f"{self.bindings_path} is not there: write one, or name yours with --bindings")
        try:
            return load_bindings(self.bindings_path)
        except FileFaults as error:
            if not bindings_store(self).versions():
                raise
            words = "has faults; mend them, or bring the last good version back with javis bindings rollback"
            raise FileFaults([Fault(str(self.bindings_path), 0, 0, words), *error.faults]) from None


def files_options(command: Callable[..., R]) -> Callable[..., R]:
    """`--settings`, `--bindings` and `--env-file`, handed to the command as `files`."""
    path = click.Path(path_type=Path, dir_okay=False)

    @click.option(
        "--settings", "settings_path", type=path, envvar="JAVIS_SETTINGS", help="Default: javis.yaml, if there."
    )
    @click.option(
        "--bindings",
        "bindings_path",
        type=path,
        envvar="JAVIS_BINDINGS",
        default="bindings.yaml",
        help="Default: bindings.yaml.",
    )
    @click.option("--env-file", "env_file", type=path, help="A file with NAME=value lines.")
    @wraps(command)
    def collected(
        *args: object, settings_path: Path | None, bindings_path: Path, env_file: Path | None, **kwargs: object
    ) -> R:
        return command(*args, files=Files(settings_path, bindings_path, env_file), **kwargs)

    return collected


def load(files: Files) -> Loaded:
    """Read the files. Raises FileFaults with everything that is wrong."""
    environ = dict(os.environ)
    if files.env_file is not None:
        environ = {**read_env_file(files.env_file), **environ}
    settings_path = files.settings
    if settings_path is None and Path("javis.yaml").exists():
        settings_path = Path("javis.yaml")
    logging.getLogger().setLevel(logging.WARNING)
    manifests = load_manifests()
    settings = load_settings(settings_path, environ, manifests)
    return Loaded(settings, manifests, environ, files.bindings)


def bindings_store(loaded: Loaded) -> BindingsStore:
    """The bindings file, to be changed."""
    folder = loaded.settings.home / "bindings"
    return BindingsStore(loaded.bindings_path, folder, SystemClock(), id_problems(loaded.manifests))


def missing_key(settings: Settings) -> ConfigurationError:
    """What to say where a model needs the key that nobody set."""
    catalogue = Catalogue.load()
    return ConfigurationError(
        "\n".join(catalogue.say(settings.language, word) for word in (words.MISSING_KEY, words.HOW_TO_SET_KEY))
    )


def start_logging(settings: Settings) -> None:
    """Raises ConfigurationError when the log file cannot be opened."""
    log_file = None if settings.log.file is None else Path(settings.log.file)
    try:
        configure_logging(settings.log.level, log_file, settings.secrets)
    except OSError as error:
        words = f"the log cannot be written to {log_file} ({error.strerror}): change log.file"
        raise ConfigurationError(words) from error


@asynccontextmanager
async def open_desk(loaded: Loaded) -> AsyncIterator[Desk]:
    """The database, opened beside a bot that may be running. Raises StorageError."""

    def table() -> Table:
        file = loaded.bindings()
        return Table(file.bindings, file.defaults)

    clock = SystemClock()
    async with open_storage(loaded.settings.database, clock) as storage:
        yield Desk.at(
            stores_on(storage, clock, loaded.settings),
            settings=loaded.settings,
            table=table,
            entries=lambda: loaded.bindings().agents,
            id_problem=id_problems(loaded.manifests),
            bindings=bindings_store(loaded),
        )


def with_desk(files: Files, work: Callable[[Desk], Awaitable[R]]) -> R:
    """What `work` finds out in the database of these settings, or of the bot among stand-ins that runs here."""

    async def run() -> R:
        loaded = load(files)
        loaded = replace(loaded, settings=settings_of_the_running_bot(loaded.settings))
        async with open_desk(loaded) as desk:
            return await work(desk)

    return asyncio.run(run())


def call(
    files: Files,
    method: Callable[[Desk, Caller, M], Awaitable[R]],
    model: Callable[P, M],
    /,
    *args: P.args,
    **params: P.kwargs,
) -> R:
    """What a method of bot/methods/table.py answers the owner at the terminal, with the parameters that `model` makes.

    Raises MethodFailed, and UsageError for parameters that cannot be.
    """
    try:
        made = model(*args, **params)
    except ValidationError as error:
        raise UsageError(faults_of(error)) from None
    return with_desk(files, lambda desk: method(desk, CommandLine(), made))
