"""The simulator's folder: secrets, journal and uploaded files, opened together."""

import errno
import re
import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from channels.simulator.files import FileStore
from channels.simulator.journal import Journal, NoJournal, exclusive, open_journal, read_records
from channels.simulator.telegram.state import BOT_ID, TelegramState

_TOKEN: Final = re.compile(rf"{BOT_ID}:[A-Za-z0-9_-]{{35}}")
_KEY: Final = re.compile(r"sk-[A-Za-z0-9]{48}")
_LETTERS: Final = string.ascii_letters + string.digits


class StateUnreadable(OSError):
    """The journal does not make sense; deleting the folder begins anew."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What an earlier process left, and where this one writes."""

    token: str
    model_key: str
    state: TelegramState
    journal: Journal
    files: FileStore


@contextmanager
def open_folder(folder: Path | None) -> Iterator[Remembered]:
    """Everything under `folder`, made as needed; None keeps all in memory.

    Raises JournalInUse when another simulator works there, StateUnreadable when the journal is broken.
    """
    if folder is None:
        yield Remembered(_new_token(), _new_key(), TelegramState(), NoJournal(), FileStore(None))
        return
    with exclusive(folder):
        token = _keep(folder / "telegram_token", _TOKEN, _new_token())
        key = _keep(folder / "model_key", _KEY, _new_key())
        path = folder / "telegram.jsonl"
        state = _replay(path)
        with open_journal(path, state.snapshot()) as journal:
            yield Remembered(token, key, state, journal, FileStore(folder / "files"))


def _replay(path: Path) -> TelegramState:
    state = TelegramState()
    try:
        for record in read_records(path):
            state.apply(record)
    except (LookupError, TypeError) as error:
        raise StateUnreadable(errno.EINVAL, "broken journal, delete it to begin anew", str(path)) from error
    return state


def _keep(path: Path, shape: re.Pattern[str], fresh: str) -> str:
    """The secret in the file; `fresh`, now kept there, when there is none of the right shape."""
    if path.exists() and shape.fullmatch(kept := path.read_text().strip()):
        return kept
    path.touch(mode=0o600)
    path.write_text(fresh + "\n")
    return fresh


def _new_token() -> str:
    return f"{BOT_ID}:" + "".join(secrets.choice(_LETTERS) for _ in range(35))


def _new_key() -> str:
    return "sk-" + "".join(secrets.choice(_LETTERS) for _ in range(48))
