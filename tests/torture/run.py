"""Torture: a real `javis run` is killed again and again while people talk to it; then its history is checked.

All that is chance comes from one seed. A life begins, people talk, and the process dies at a step of its own that was
drawn for it, or from outside after a drawn time. The last life is left alone until all is quiet.
"""

import asyncio
import json
import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from channels.simulator.faults import FaultKind
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder
from tests.patience import PATIENCE_SECONDS
from tests.torture.history import Admitted, Said, Shown, possible_duplicates, violations

MOMENTS: Final = ("before-commit", "after-commit", "before-wire", "after-wire", "outside")
FAULTS: Final[Sequence[FaultKind]] = ("rate_limit", "lose_answer", "disconnect")
PEOPLE: Final = 3
LONGEST_LIFE_SECONDS: Final = 3.0  # for a life whose own step never came


@dataclass(frozen=True, slots=True)
class Report:
    """What one run of torture found. `wrong`: a line each; empty: nothing."""

    seed: int
    kills: int
    said: int
    shown: int
    labelled: int
    undelivered: int
    wrong: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Line:
    """Something to be said: `words` 0 is a task for Kimi."""

    chat: int
    person: int
    words: int


@dataclass(frozen=True, slots=True)
class _Life:
    """One process: how it dies, at the latest after `seconds`, and what is said `before` it starts and `meanwhile`,
    each line after a pause in seconds. `fault` happens to one message, None to no one."""

    moment: str
    step: int
    seconds: float
    fault: FaultKind | None
    before: Sequence[_Line]
    meanwhile: Sequence[tuple[float, _Line]]


class Torture:
    """One bot and the people who talk to it."""

    def __init__(self, seed: int, simulator: Simulator, bot: BotFolder) -> None:
        self._seed = seed
        self._chance = random.Random(seed)
        self._simulator = simulator
        self._bot = bot
        self._said: list[Said] = []
        self._kills = 0

    async def run(self, kills: int) -> Report:
        """Die `kills` times, then live on until every question is dealt with, and check."""
        while self._kills < kills:
            await self._live_and_die()
        async with self._bot.running():
            await self._quiet()
        return self._report()

    def _report(self) -> Report:
        admitted, shown = self._admitted(), self._shown()
        unfinished = self._count("SELECT count(*) FROM inbox WHERE state = 'stored'")
        unfinished += self._count("SELECT count(*) FROM outbox WHERE state IN ('queued', 'attempting')")
        wrong = violations(self._said, shown, admitted)
        if unfinished:
            wrong.append(f"{unfinished} rows are neither answered nor given up")
        return Report(
            seed=self._seed,
            kills=self._kills,
            said=len(self._said),
            shown=len(shown),
            labelled=possible_duplicates(shown),
            undelivered=len(admitted.undelivered) + len(admitted.gave_up),
            wrong=wrong,
        )

    async def _live_and_die(self) -> None:
        life = self._draw()
        for line in life.before:
            self._say(line)
        if life.fault is not None:
            self._simulator.telegram.faults.switch_on(life.fault, "sendMessage", count=1)
        doomed = life.moment != "outside"
        process = await (self._bot.start_doomed(life.moment, life.step) if doomed else self._bot.start("run"))
        talking = asyncio.create_task(self._talk(life.meanwhile))
        ended = asyncio.create_task(process.communicate())
        await asyncio.wait([ended], timeout=life.seconds)
        with suppress(ProcessLookupError):
            process.kill()
        _, err = await ended
        talking.cancel()
        if process.returncode != -9:
            raise AssertionError(f"seed {self._seed}: the bot ended by itself: {err.decode()[-2000:]}")
        self._kills += 1

    def _draw(self) -> _Life:
        """All of a life at once, so that nothing that happens in it moves the dice."""
        chance = self._chance
        moment = chance.choice(MOMENTS)
        seconds = chance.uniform(0.3, 1.5) if moment == "outside" else LONGEST_LIFE_SECONDS
        return _Life(
            moment=moment,
            step=chance.randint(1, 12 if moment.endswith("commit") else 6),
            seconds=seconds,
            fault=chance.choice(FAULTS) if chance.random() < 0.1 else None,
            before=[self._draw_line() for _ in range(chance.randint(1, 5))],
            meanwhile=[(chance.uniform(0, seconds / 2), self._draw_line()) for _ in range(2)],
        )

    def _draw_line(self) -> _Line:
        person, kind = FIRST_USER + self._chance.randrange(PEOPLE), self._chance.random()
        if kind < 0.2:
            return _Line(GROUP, person, 0)
        return _Line(person, person, 480 if kind > 0.9 else 1)

    async def _talk(self, lines: Sequence[tuple[float, _Line]]) -> None:
        """Somebody goes on talking while the bot starts, works and dies."""
        for pause, line in lines:
            await asyncio.sleep(pause)
            self._say(line)

    def _say(self, line: _Line) -> None:
        said = Said(line.chat, f"q{len(self._said)}", line.words)
        self._said.append(said)
        self._simulator.telegram.say(line.chat, line.person, said.text)

    async def _quiet(self) -> None:
        """Return when nothing waits any more, in the database or at the platform, or never will: the check tells."""
        open_rows = (
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'stored') + (SELECT count(*) FROM tasks WHERE"
            " state IN ('queued', 'running')) + (SELECT count(*) FROM outbox WHERE state IN ('queued', 'attempting'))"
            " + (SELECT count(*) FROM tasks WHERE finished_ms IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outbox"
            "    WHERE source_kind = 'task' AND source_id = tasks.id || ':' || tasks.attempt))"
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while self._simulator.telegram.pending or self._count(open_rows):
                    await asyncio.sleep(0.05)

    def _shown(self) -> list[Shown]:
        return [Shown(each["chat"]["id"], each["text"]) for each in self._simulator.telegram.sent()]

    def _admitted(self) -> Admitted:
        ended = "SELECT chat, payload FROM outbox WHERE state IN ('failed', 'unknown')"
        undelivered = [(int(chat), json.loads(payload).get("text")) for chat, payload in self._rows(ended)]
        set_aside = self._rows("SELECT raw FROM inbox WHERE state = 'quarantined'")
        gave_up = [json.loads(raw)["message"] for (raw,) in set_aside]
        return Admitted(frozenset(undelivered), frozenset((each["chat"]["id"], each["text"]) for each in gave_up))

    def _count(self, query: str) -> int:
        return int(self._rows(query)[0][0])

    def _rows(self, query: str) -> Sequence[Any]:
        if self._bot.database_url is not None:
            with psycopg.connect(self._bot.database_url) as server:
                return server.execute(query.encode()).fetchall()
        path: Path = self._bot.home / "javis.db"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)) as database:
            return database.execute(query).fetchall()
