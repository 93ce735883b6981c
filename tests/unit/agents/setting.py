"""What agents are built from in tests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.agents.port import Turn
from bot.sessions.transcript import Record

MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Order:
    primary: str
    fallbacks: Sequence[str] = ()


@dataclass(frozen=True)
class Defaults:
    model: str | Order | None = None
    workspace: Path | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    history_limit: int = 50
    history_characters: int = 60_000


@dataclass(frozen=True)
class Entry:
    id: str = "main"
    kind: str = "llm"
    name: str | None = None
    model: str | Order | None = None
    workspace: Path | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    max_tool_iterations: int = 20
    tools: Sequence[str] | None = None


class History:
    """A session's records that count how often they are read."""

    def __init__(self, *records: Record) -> None:
        self.records = records
        self.asked: list[int] = []

    async def read(self, count: int) -> Sequence[Record]:
        self.asked.append(count)
        return self.records[-count:]


def user(text: str, sender: str | None = None) -> Record:
    return Record("user", text, MOMENT, {} if sender is None else {"sender": sender})


def assistant(text: str) -> Record:
    return Record("assistant", text, MOMENT)


def turn(text: str, history: History, *, sender: str = "Ann", is_direct: bool = True) -> Turn:
    return Turn("agent:main:main", text, sender, is_direct, MOMENT, history.read)
