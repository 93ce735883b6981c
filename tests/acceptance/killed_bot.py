"""Runs `javis` as usual, but kills the process at its Nth group of commits: before it, or right after it.

Usage: killed_bot.py before|after N <javis arguments>
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bot.cli.main import main
from bot.storage import sqlite
from bot.storage.port import Statement


def kill_at(moment: str, number: int) -> None:
    commit_group = sqlite._commit_group
    groups = 0

    def counted(
        writer: sqlite3.Connection, queries: Mapping[str, str], group: Sequence[Sequence[Statement]]
    ) -> Sequence[Any]:
        nonlocal groups
        groups += 1
        if groups == number and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        outcomes = commit_group(writer, queries, group)
        if groups == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return outcomes

    sqlite._commit_group = counted


if __name__ == "__main__":
    kill_at(sys.argv[1], int(sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    main()
