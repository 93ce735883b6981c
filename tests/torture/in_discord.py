"""Torture in a Discord server: `javis run` is killed at random steps while people talk in a channel, a thread and alone
with it; then each question must have its answer once, in its place and in order.

`python -m tests.torture.in_discord --kills 100 --seed 7` does as many as you like.
"""

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from channels.clock import SystemClock
from channels.simulator.discord.seed import CHANNEL, PEOPLE
from channels.simulator.faults import FaultKind
from channels.simulator.server import Simulator, run_simulator
from tests.acceptance.bot_process import BotFolder
from tests.patience import PATIENCE_SECONDS
from tests.torture.history import GAVE_UP

MOMENTS: Final = ("before-commit", "after-commit", "before-wire", "after-wire", "outside")
FAULTS: Final[Sequence[FaultKind]] = ("rate_limit", "lose_answer", "disconnect")
LONGEST_LIFE_SECONDS: Final = 5.0  # for a life whose own step never came
BINDINGS: Final = "defaults: {agent: parrot}\nagents: [{id: parrot, kind: echo}]\nbindings: []\n"


@dataclass(slots=True)
class Report:
    """`wrong`: a line each; empty: nothing. `gave_up` counts questions over which the bot died too often."""

    seed: int
    kills: int = 0
    said: int = 0
    gave_up: int = 0
    wrong: list[str] = field(default_factory=list)


class DiscordTorture:
    """One bot with a platform of its own. The same seed draws the same lives."""

    def __init__(self, seed: int, simulator: Simulator, bot: BotFolder) -> None:
        self._chance = random.Random(seed)
        self._discord = simulator.discord
        self._bot = bot
        self._report = Report(seed)
        direct = self._discord.state.direct_chat(PEOPLE[0])
        assert direct is not None
        self._said: Mapping[str, list[str]] = {
            place: [] for place in (CHANNEL, direct.id, self._discord.start_thread(CHANNEL, PEOPLE[0], "A thread"))
        }

    async def run(self, kills: int) -> Report:
        """Get to know each place, die `kills` times, then live on until every question is dealt with, and check."""
        async with self._bot.running():
            await self._discord.wait_until(lambda: self._discord.gateway.is_connected)
            for place in self._said:  # no list tells of a direct chat before its first message is heard
                self._ask(place)
            await self._discord.wait_until(self._is_quiet)
        for _ in range(kills):
            await self._live_and_die()
        async with self._bot.running():
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._discord.wait_until(self._is_quiet)
        self._check()
        return self._report

    async def _live_and_die(self) -> None:
        moment = self._chance.choice(MOMENTS)
        seconds = self._chance.uniform(0.5, 3.0) if moment == "outside" else LONGEST_LIFE_SECONDS
        step = self._chance.randint(2, 14) if moment.endswith("commit") else self._chance.randint(1, 4)
        if self._chance.random() < 0.2:
            self._discord.faults.switch_on(self._chance.choice(FAULTS), "createMessage", count=1)
        self._say(self._chance.randint(1, 3))
        doomed = moment != "outside"
        process = await (self._bot.start_doomed(moment, step) if doomed else self._bot.start("run"))
        ended = asyncio.create_task(process.communicate())
        for _ in range(self._chance.randint(0, 3)):
            await asyncio.wait([ended], timeout=self._chance.uniform(0, seconds / 3))
            self._say(1)
        await asyncio.wait([ended], timeout=seconds)
        with suppress(ProcessLookupError):
            process.kill()
        _, err = await ended
        if process.returncode != -9:
            self._report.wrong.append(f"the bot ended by itself: {err.decode()[-2000:]}")
        self._report.kills += 1

    def _say(self, times: int) -> None:
        for _ in range(times):
            self._ask(self._chance.choice([*self._said]))

    def _ask(self, place: str) -> None:
        text = f"question {self._report.said}"
        self._report.said += 1
        self._said[place].append(text)
        self._discord.say(place, PEOPLE[0], text)

    def _shown(self, place: str) -> list[str]:
        return [str(message["content"]) for message in self._discord.sent(place)]

    def _is_quiet(self) -> bool:
        return all(len(self._shown(place)) >= len(said) for place, said in self._said.items())

    def _check(self) -> None:
        for place, said in self._said.items():
            shown = self._shown(place)
            gave_up = shown.count(GAVE_UP)
            answers = [text for text in shown if text != GAVE_UP]
            self._report.gave_up += gave_up
            missing = [text for text in said if text not in answers]
            if len(missing) != gave_up:
                self._report.wrong.append(f"{place} lacks {missing}, and was told of {gave_up} failures")
            if answers != [text for text in said if text in answers]:
                self._report.wrong.append(f"{place} shows {answers} for {said}")


async def torture(seed: int, kills: int, folder: Path) -> Report:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        bot = BotFolder(folder, simulator)
        discord = {
            "accounts": {"default": {"token": simulator.discord_token}},
            "api_base": simulator.discord_api_base,
            "dm_policy": "open",
            "group_policy": "open",
            "require_mention": False,
            "rate": {"bot_per_second": None, "chat_per_second": None},
        }
        bot.change_settings(channels={"discord": discord, "telegram": {"enabled": False}})
        (folder / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")
        return await DiscordTorture(seed, simulator, bot).run(kills)


async def main() -> int:
    parser = argparse.ArgumentParser(description="Kill the bot in a Discord server and check what people saw.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--kills-a-bot", type=int, default=20, help="before a fresh bot takes over")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000), help="of the first bot")
    arguments = parser.parse_args()
    wrong = 0
    for seed in range(arguments.seed, arguments.seed + -(-arguments.kills // arguments.kills_a_bot)):
        with tempfile.TemporaryDirectory() as folder:
            report = await torture(seed, arguments.kills_a_bot, Path(folder))
        print(f"seed {seed}: {report.kills} kills, {report.said} said, {report.gave_up} given up, ", end="")
        print(f"{len(report.wrong)} wrong", *report.wrong, sep="\n  ", flush=True)
        wrong += len(report.wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
