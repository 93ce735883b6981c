"""Runs `javis` as usual, but kills the process at a chosen step of a task, as a power cut would.

Usage: doomed_task.py NAME WHEN STEP <javis arguments>. WHEN is `before` or `after`. STEP is a statement (`tasks.finish`
is the group of commits with it), `model` (the question to it), `file` (a result file), or `message` with a number (the
Nth to Telegram). Steps count from when the process accepts the task NAME: what it takes up from the dead does
not kill it.
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot.cli.main import main
from bot.dispatch import dispatcher
from bot.storage import sqlite
from bot.storage.port import Statement
from bot.tasks import results
from channels.telegram.request import AiohttpRequest


class Doom:
    """Death at the first `when` of `step`, once the task `name` was accepted."""

    def __init__(self, name: str, when: str, step: str) -> None:
        self._name = name
        self._at = when, step
        self.accepted = False

    def look(self, group: Sequence[Sequence[Statement]]) -> set[str]:
        """The names of the statements that are to be committed."""
        every = [statement for statements in group for statement in statements]
        if any(each.name == "tasks.create" and each.values["name"] == self._name for each in every):
            self.accepted = True
        return {each.name for each in every}

    def meet(self, when: str, step: str) -> None:
        if self.accepted and self._at == (when, step):
            os.kill(os.getpid(), signal.SIGKILL)


def watch_commits(doom: Doom) -> None:
    commit_group = sqlite._commit_group

    def watched(writer: sqlite3.Connection, queries: Mapping[str, str], group: Sequence[Sequence[Statement]]) -> Any:
        names = doom.look(group)
        for name in names:
            doom.meet("before", name)
        outcomes = commit_group(writer, queries, group)
        for name in names:
            doom.meet("after", name)
        return outcomes

    sqlite._commit_group = watched


def watch_model(doom: Doom) -> None:
    ask_model = vars(dispatcher)["ask_model"]

    async def watched(*arguments: Any) -> Any:
        doom.meet("before", "model")
        outcome = await ask_model(*arguments)
        doom.meet("after", "model")
        return outcome

    vars(dispatcher)["ask_model"] = watched


def watch_files(doom: Doom) -> None:
    write_atomically = vars(results)["write_atomically"]

    def watched(path: Path, text: str) -> None:
        doom.meet("before", "file")
        write_atomically(path, text)
        doom.meet("after", "file")

    vars(results)["write_atomically"] = watched


def watch_messages(doom: Doom) -> None:
    exchange = AiohttpRequest._exchange
    sent = 0

    async def watched(self: AiohttpRequest, method: str, url: str, body: Any, limits: Any) -> tuple[int, bytes]:
        nonlocal sent
        if not (url.endswith("/sendMessage") and doom.accepted):
            return await exchange(self, method, url, body, limits)
        sent += 1
        step = f"message {sent}"
        doom.meet("before", step)
        answer = await exchange(self, method, url, body, limits)
        doom.meet("after", step)
        return answer

    AiohttpRequest._exchange = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    doom = Doom(*sys.argv[1:4])
    for watch in (watch_commits, watch_model, watch_files, watch_messages):
        watch(doom)
    sys.argv[1:] = sys.argv[4:]
    main()
