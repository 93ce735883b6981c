"""The simulator's folder: secrets, journals and uploaded files, opened together."""

import base64
import errno
import re
import secrets
import string
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

from channels.simulator.discord.state import BOT_ID as DISCORD_BOT_ID
from channels.simulator.discord.state import DiscordState
from channels.simulator.files import FileStore
from channels.simulator.journal import Journal, NoJournal, exclusive, open_journal, read_records
from channels.simulator.telegram.state import BOT_ID, TelegramState

S = TypeVar("S", TelegramState, DiscordState)

_TELEGRAM_TOKEN: Final = re.compile(rf"{BOT_ID}:[A-Za-z0-9_-]{{35}}")
_DISCORD_BOT: Final = base64.urlsafe_b64encode(DISCORD_BOT_ID.encode()).decode().rstrip("=")
_DISCORD_TOKEN: Final = re.compile(rf"{_DISCORD_BOT}\.[A-Za-z0-9_-]{{6}}\.[A-Za-z0-9_-]{{38}}")
_KEY: Final = re.compile(r"sk-[A-Za-z0-9]{48}")
_LETTERS: Final = string.ascii_letters + string.digits


class StateUnreadable(OSError):
    """The journal does not make sense; deleting the folder begins anew."""


@dataclass(frozen=True, slots=True)
class Kept(Generic[S]):
    """Of one platform: what an earlier process left, and where this one writes."""

    token: str
    state: S
    journal: Journal


@dataclass(frozen=True, slots=True)
class Remembered:
    telegram: Kept[TelegramState]
    discord: Kept[DiscordState]
    model_key: str
    files: FileStore


@contextmanager
def open_folder(folder: Path | None) -> Iterator[Remembered]:
    """Everything under `folder`, made as needed; None keeps all in memory.

    Raises JournalInUse when another simulator works there, StateUnreadable when a journal is broken.
    """
    if folder is None:
        yield Remembered(
            Kept(_telegram_token(), TelegramState(), NoJournal()),
            Kept(discord_token(), DiscordState(), NoJournal()),
            _model_key(),
            FileStore(None),
        )
        return
    with ExitStack() as stack:
        stack.enter_context(exclusive(folder))
        yield Remembered(
            _open_platform(stack, folder, "telegram", TelegramState(), _TELEGRAM_TOKEN, _telegram_token),
            _open_platform(stack, folder, "discord", DiscordState(), _DISCORD_TOKEN, discord_token),
            _keep(folder / "model_key", _KEY, _model_key()),
            FileStore(folder / "files"),
        )


def discord_token() -> str:
    """A fresh one: the bot's id, a time and a secret, as Discord writes them."""
    return f"{_DISCORD_BOT}.{_random(6)}.{_random(38)}"


def _open_platform(
    stack: ExitStack, folder: Path, name: str, state: S, shape: re.Pattern[str], fresh: Callable[[], str]
) -> Kept[S]:
    token = _keep(folder / f"{name}_token", shape, fresh())
    path = folder / f"{name}.jsonl"
    try:
        for record in read_records(path):
            state.apply(record)
    except (LookupError, TypeError) as error:
        raise StateUnreadable(errno.EINVAL, "broken journal, delete it to begin anew", str(path)) from error
    return Kept(token, state, stack.enter_context(open_journal(path, state.snapshot())))


def _keep(path: Path, shape: re.Pattern[str], fresh: str) -> str:
    """The secret in the file; `fresh`, now kept there, when there is none of the right shape."""
    if path.exists() and shape.fullmatch(kept := path.read_text().strip()):
        return kept
    path.touch(mode=0o600)
    path.write_text(fresh + "\n")
    return fresh


def _telegram_token() -> str:
    return f"{BOT_ID}:{_random(35)}"


def _model_key() -> str:
    return f"sk-{_random(48)}"


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))
