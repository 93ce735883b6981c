"""Two `javis run` on one PostgreSQL: one holds the bot account, the other takes over, and tasks are shared."""

import json
import signal
from pathlib import Path

from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.machines import ALIVE, ALL_THE_TIME, TASK_NAMES, heard, machines
from tests.gateway_bot import GatewayBot


async def test_another_machine_takes_over_from_one_that_is_killed_and_one_that_stands_still(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    async def ask(text: str) -> None:
        simulator.telegram.say(FIRST_USER, FIRST_USER, text)
        await simulator.telegram.wait_for_sent(lambda sent: text in heard(sent))
        await both.delivered()  # and the row is closed

    async with machines(tmp_path, simulator, postgresql_url, [None, None]) as both:
        first = await both.start(0)
        await first.says("Receiving")
        second = await both.start(1)
        await second.says("The gateway listens")
        await ask("one")
        first.process.kill()
        await ask("two")
        await both.until(ALIVE, 1)
        third = await both.start(0)
        await third.says("The gateway listens")
        second.process.send_signal(signal.SIGSTOP)
        await ask("three")
        await both.until(ALIVE, 1)
        second.process.send_signal(signal.SIGCONT)
        await second.says("starts over")
        await ask("four")
        await second.says("The gateway listens", times=2)
        assert await third.end() == 0
        await ask("five")
    # A slow machine may be taken for dead while it sends: then the other one's copy says so.
    said = heard(simulator.telegram.sent())
    assert set(said) == {"one", "two", "three", "four", "five"}
    assert max(said.values()) == 1


async def test_tasks_are_shared_and_those_of_a_dead_machine_are_done_again(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    simulator.model.faults.switch_on("delay", seconds=1)
    async with machines(tmp_path, simulator, postgresql_url, [None, None]) as both:
        first = await both.start(0)
        await first.says("Receiving")
        second = await both.start(1)
        await second.says("The gateway listens")
        for name in TASK_NAMES:
            simulator.telegram.say(GROUP, FIRST_USER, f"Kimi: {name}")
        await both.until("SELECT count(DISTINCT holder) FROM tasks WHERE state <> 'queued'", 2)
        first.process.kill()
        await simulator.telegram.wait_for_sent(lambda sent: heard(sent).keys() >= {*TASK_NAMES})
        await both.delivered()
    assert max(heard(simulator.telegram.sent()).values()) == 1


async def test_job_that_a_machine_died_in_is_begun_once_more_by_another_and_told_once(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    simulator.model.faults.switch_on("delay", seconds=600)
    async with machines(tmp_path, simulator, postgresql_url, [None, None]) as both:
        first = await both.start(0)
        await first.says("Receiving")
        second = await both.start(1)
        to = ("--to", f"telegram:{FIRST_USER}")
        code, _, err = await both.command("cron", "add", "mail", "--every", "24h", "--ask", "look at the mail", *to)
        assert code == 0, err
        assert (await both.command("cron", "run", "mail"))[0] == 0
        await both.until("SELECT count(*) FROM job_runs WHERE state = 'running'", 1)
        await second.says("The gateway listens")
        simulator.model.faults.clear("delay")
        simulator.model.reply_with(*["The mail is full."] * 9)  # a slow machine may be taken for dead over it
        first.process.kill()
        await both.until("SELECT count(*) FROM job_runs WHERE state = 'done' AND attempts > 1", 1)
        await both.delivered()
    assert heard(simulator.telegram.sent()) in ({"The mail is full.": 1}, {"The mail is full.": 0})


async def test_client_of_any_machines_gateway_is_answered_and_hears_what_happens(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    session = "agent:main:web:direct:ann"
    long = "很長的回答" * 2000  # more than one notification holds
    simulator.model.reply_with(long, "short")
    async with machines(tmp_path, simulator, postgresql_url, [None, None], lease_seconds=ALL_THE_TIME) as both:
        first = await both.start(0)
        await first.says("The gateway listens")
        second = await both.start(1)
        addresses = [await machine.gateway() for machine in (first, second)]
        holding, other = (GatewayBot(address, tmp_path) for address in addresses)
        async with holding.client() as near, other.client() as far:
            answer = await far.call("chat.send", text="write", session_key=session)
            assert answer["text"] == long
            assert (await far.next_event("chat.message"))["text"] == long
            await near.call("chat.send", text="and now?", session_key=session)
            assert (await far.next_event("chat.message"))["text"] == "short"
            again = await far.call("chat.send", text="write", session_key=session, message_id=answer["message_id"])
            assert again["text"] == long


async def test_worker_does_tasks_and_leaves_the_chats_to_the_bot(
    tmp_path: Path, simulator: Simulator, postgresql_url: str
) -> None:
    async with machines(tmp_path, simulator, postgresql_url, [None, None], lease_seconds=ALL_THE_TIME) as both:
        worker = await both.start(1, "worker")
        await worker.says("Working on tasks")
        bot = await both.start(0)
        await bot.says("Receiving")
        simulator.model.faults.switch_on("delay", seconds=1)
        for name in TASK_NAMES:
            simulator.telegram.say(GROUP, FIRST_USER, f"Kimi: {name}")
        await both.until("SELECT count(DISTINCT holder) FROM tasks WHERE state <> 'queued'", 2)
        await simulator.telegram.wait_for_sent(lambda sent: heard(sent).keys() >= {*TASK_NAMES})
        code, out, err = await both.command("status", "--json")
        assert code == 0, err
        held = json.loads(out)["machines"]
        assert len(held) == 2
        assert min(held.values(), key=len) == []
        assert "telegram/default" in max(held.values(), key=len)
    assert max(heard(simulator.telegram.sent()).values()) == 1
