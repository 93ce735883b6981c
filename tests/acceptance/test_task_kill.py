"""SIGKILL at every step of a task, then a restart: one result, one notice or a labelled copy, files that are right."""

import asyncio
import json
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from channels.simulator.seed import FIRST_USER
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder, ended
from tests.acceptance.machines import copies, heard
from tests.patience import PATIENCE_SECONDS

DOOMED_TASK = Path(__file__).parents[1] / "torture" / "doomed_task.py"
STEPS = [
    ("before", "tasks.create"),
    ("after", "tasks.create"),
    ("after", "tasks.claim_next"),
    ("after", "model"),
    ("after", "tasks.finish"),
    ("before", "file"),
    ("after", "file"),
    ("before", "message 2"),
    ("after", "message 2"),
    ("after", "tasks.acknowledge"),
]


async def test_task_survives_a_kill_at_each_of_its_steps(simulator: Simulator, bot_folder: BotFolder) -> None:
    """Each life ends the task that the one before it died in, then takes one of its own and dies in that."""
    bot_folder.change_settings(gateway={"enabled": False}, dispatch={"webhook_port": None})
    names = [f"task-{number}" for number in range(len(STEPS))]
    platform = simulator.telegram
    for number, (name, step) in enumerate(zip(names, STEPS, strict=True)):
        process = await bot_folder.start("run", through=(str(DOOMED_TASK), name, *step))
        ending = asyncio.create_task(ended(process))
        telling = asyncio.create_task(platform.wait_for_sent(partial(_tells, names[:number])))
        await asyncio.wait({ending, telling}, return_when=asyncio.FIRST_COMPLETED)
        telling.cancel()
        platform.say(FIRST_USER, FIRST_USER, f"Kimi: name={name} count")
        _, err = await ending
        assert process.returncode == -9, (step, err)
    results = bot_folder.home / "kimi-dispatch" / "results"
    (deleted, damaged) = sorted(results.glob("kimi-*.json"))[:2]
    deleted.unlink()
    damaged.write_text("{", encoding="utf-8")
    async with bot_folder.running(), asyncio.timeout(PATIENCE_SECONDS):
        await platform.wait_for_sent(partial(_tells, names))
    # A copy is sent again too when the process dies in the midst of it.
    plain, labelled = heard(platform.sent()), copies(platform.sent())
    assert max(plain.values()) == 1
    assert (plain + labelled)[names[STEPS.index(("after", "message 2"))]] > 1
    assert _ended(bot_folder.home) == _files(results)
    assert sorted(each["task_name"] for each in _files(results)) == names


def _tells(names: list[str], sent: list[dict[str, Any]]) -> bool:
    return heard(sent).keys() >= set(names)


def _ended(home: Path) -> list[dict[str, Any]]:
    """What the files must say, from the rows of tasks that have been told."""
    query = "SELECT id, name, output FROM tasks WHERE state = 'succeeded' AND acknowledged = 1 ORDER BY id"
    with closing(sqlite3.connect(home / "javis.db")) as database:
        rows = database.execute(query).fetchall()
    return [
        {"task_id": key, "task_name": name, "output": output, "status": "done", "acknowledged": True}
        for key, name, output in rows
    ]


def _files(results: Path) -> list[dict[str, Any]]:
    told = ("task_id", "task_name", "output", "status", "acknowledged")
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("kimi-*.json"))]
    return [{name: each[name] for name in told} for each in found]
