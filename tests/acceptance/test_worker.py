"""`javis worker` beside `javis run`: it shares the tasks, with a Redis that may lose all it knows."""

import asyncio
import json
from pathlib import Path

import redis

from channels.simulator.seed import FIRST_USER
from channels.simulator.server import Simulator
from tests import redis_server
from tests.acceptance.bot_process import BotFolder, Machine
from tests.acceptance.machines import heard, until

TASKS = 20


async def test_a_worker_shares_the_tasks_and_may_be_killed_while_redis_forgets(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    simulator.model.faults.switch_on("delay", seconds=1)
    with redis_server.own_server() as redis_url:
        folders = [BotFolder(tmp_path / name, simulator, postgresql_url) for name in ("bot", "worker")]
        for each in folders:
            workers = {"min": 1, "max": 3}
            dispatch = {"workers": workers, "per_user": TASKS, "webhook_port": 0, "redis_url": redis_url}
            each.change_settings(dispatch=dispatch)
        bot = Machine(await folders[0].start("run"))
        worker = Machine(await folders[1].start("worker"))
        try:
            await asyncio.gather(bot.says("Receiving"), worker.says("Working on tasks"))
            for number in range(TASKS):
                simulator.telegram.say(FIRST_USER, FIRST_USER, f"Kimi: name=t{number} count to {number}")
            await until(postgresql_url, "SELECT count(DISTINCT holder) FROM tasks WHERE state <> 'queued'", 2)
            with redis.Redis.from_url(redis_url) as client:
                client.flushall()
                client.client_kill_filter(_type="pubsub")
            worker.process.kill()
            await until(
                postgresql_url, "SELECT count(*) FROM tasks WHERE state = 'succeeded' AND acknowledged = 1", TASKS
            )
        finally:
            assert await bot.end() == 0, "".join(bot.log)
            await worker.end()
    told = heard(simulator.telegram.sent(FIRST_USER))
    assert told.keys() >= {f"t{number}" for number in range(TASKS)}
    assert max(told.values()) == 1


async def test_a_worker_ends_well_and_leaves_its_work_to_others(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    simulator.model.faults.switch_on("delay", seconds=300)
    folder = BotFolder(tmp_path / "worker", simulator, postgresql_url)
    code, out, err = await folder.command("kimi", "count")
    assert code == 0, err
    worker = Machine(await folder.start("worker"))
    await worker.says("Working on tasks")
    await until(postgresql_url, "SELECT count(*) FROM tasks WHERE state = 'running'", 1)
    assert await worker.end() == 0, "".join(worker.log)
    simulator.model.faults.clear()
    again = Machine(await folder.start("worker"))
    await until(postgresql_url, "SELECT count(*) FROM tasks WHERE state = 'succeeded'", 1)
    assert await again.end() == 0
    _, out, _ = await folder.command("tasks", "list", "--json")
    (task,) = json.loads(out)
    assert task["status"] == "done"


async def test_a_worker_needs_a_database_that_can_be_shared(bot_folder: BotFolder) -> None:
    code, _, err = await bot_folder.command("worker")
    assert code != 0
    assert "JAVIS_DATABASE_URL" in err
