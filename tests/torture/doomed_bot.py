"""Runs `javis` as usual, but kills the process at a chosen step, as a power cut would.

Usage: doomed_bot.py MOMENT N <javis arguments>. MOMENT is `before-commit` or `after-commit` (its Nth group of commits),
`before-wire` or `after-wire` (its Nth message to Telegram or Discord: before it leaves, or with its answer read and not
yet used), `in-command` (its Nth command in a chat), or `in-poison` (its Nth command with the argument "poison").
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from bot.cli.main import main
from bot.command import Call, Reply
from bot.commands import Commands
from bot.storage import sqlite
from bot.storage.port import Statement
from bot.storage.postgresql import storage as postgresql
from bot.storage.postgresql.group import commit_group as commit_group_there
from channels.discord.http import Answer, DiscordHttp
from channels.telegram.request import AiohttpRequest

T = TypeVar("T")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_commit(moment: str, number: int) -> None:
    commit_group = sqlite._commit_group
    groups = 0

    def counted(
        writer: sqlite3.Connection, queries: Mapping[str, str], group: Sequence[Sequence[Statement]]
    ) -> Sequence[Any]:
        nonlocal groups
        groups += 1
        if groups == number and moment == "before-commit":
            die()
        outcomes = commit_group(writer, queries, group)
        if groups == number:
            die()
        return outcomes

    sqlite._commit_group = counted
    commit_there = commit_group_there

    async def counted_there(*arguments: Any, **named: Any) -> Sequence[Any]:
        nonlocal groups
        groups += 1
        if groups == number and moment == "before-commit":
            die()
        outcomes = await commit_there(*arguments, **named)
        if groups == number:
            die()
        return outcomes

    vars(postgresql)["commit_group"] = counted_there


def kill_at_wire(moment: str, number: int) -> None:
    exchange, call = AiohttpRequest._exchange, DiscordHttp.call
    sent = 0

    async def watched(send: Callable[[], Awaitable[T]]) -> T:
        nonlocal sent
        sent += 1
        mine = sent
        if mine == number and moment == "before-wire":
            die()
        answer = await send()
        if mine == number:
            die()
        return answer

    async def to_telegram(self: AiohttpRequest, method: str, url: str, body: Any, limits: Any) -> tuple[int, bytes]:
        send = partial(exchange, self, method, url, body, limits)
        return await (watched(send) if url.endswith("/sendMessage") else send())

    async def to_discord(self: DiscordHttp, method: str, path: str, **named: Any) -> Answer:
        send = partial(call, self, method, path, **named)
        return await (watched(send) if method == "POST" and path.endswith("/messages") else send())

    AiohttpRequest._exchange = to_telegram  # type: ignore[method-assign]
    DiscordHttp.call = to_discord  # type: ignore[method-assign]


def kill_in_command(moment: str, number: int) -> None:
    run = Commands.run
    begun = 0

    async def watched(self: Commands, name: str, call: Call) -> Reply:
        nonlocal begun
        begun += moment == "in-command" or call.arguments == "poison"
        if begun == number:
            die()
        return await run(self, name, call)

    Commands.run = watched  # type: ignore[method-assign]


if __name__ == "__main__":
    kills = {"commit": kill_at_commit, "wire": kill_at_wire, "command": kill_in_command, "poison": kill_in_command}
    kills[sys.argv[1].rpartition("-")[2]](sys.argv[1], int(sys.argv[2]))
    sys.argv[1:] = sys.argv[3:]
    main()
