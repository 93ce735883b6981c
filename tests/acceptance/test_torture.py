"""SIGKILL at random steps of a real process, again and again: nothing is lost, and what may be doubled says so."""

import asyncio
from pathlib import Path

from channels.clock import SystemClock
from channels.simulator.server import run_simulator
from tests.torture.__main__ import torture
from tests.torture.machines import TwoMachines

SEED = 20_260_101
KILLS_A_BOT = 20
ACCIDENTS = 4


async def test_forty_kills_lose_nothing_and_double_nothing_unlabelled(tmp_path: Path) -> None:
    """`make torture ARGS="--seed N"` repeats the lives of a seed, and does thousands of kills."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    reports = await asyncio.gather(
        *(torture(SEED + number, KILLS_A_BOT, folder) for number, folder in enumerate(folders))
    )
    assert {report.seed: report.wrong for report in reports} == {SEED: [], SEED + 1: []}
    assert sum(report.kills for report in reports) == 40
    assert all(report.shown >= report.said - report.undelivered > 0 for report in reports)


async def test_twenty_kills_on_postgresql_lose_nothing_and_double_nothing_unlabelled(
    tmp_path: Path, postgresql_url: str
) -> None:
    report = await torture(SEED, KILLS_A_BOT, tmp_path, postgresql_url)
    assert report.wrong == []
    assert report.kills == KILLS_A_BOT
    assert report.shown >= report.said - report.undelivered > 0


async def test_two_machines_that_die_and_stand_still_lose_nothing_and_double_nothing_unlabelled(
    tmp_path: Path, postgresql_url: str
) -> None:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        report = await TwoMachines(SEED, simulator, tmp_path, postgresql_url).suffer(ACCIDENTS)
    assert report.wrong == []
    assert report.shown >= report.said - report.undelivered > 0
