"""The pool of workers, over a real database and a model on a real socket, on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from bot.dispatch.pool import IDLE_SECONDS
from bot.house import House, open_house
from bot.settings.doors import WorkerBounds
from bot.settings.load import load_settings
from bot.tasks.task import Task, TaskRequest
from channels.clock import ManualClock
from channels.errors import Refused
from channels.message import Destination
from channels.registry import load_manifests
from routing.file import load_bindings
from tests.unit.delivery.setting import ScriptedChannel
from tests.unit.providers.server import ProviderServer, completion, open_provider_server

CHAT = Destination("telegram", "default", "-1")
BOUNDS = WorkerBounds(min=1, max=3)


class Desk:
    """A house whose dispatcher is open and whose chat takes everything."""

    def __init__(self, house: House, clock: ManualClock, server: ProviderServer, channel: ScriptedChannel) -> None:
        self.house = house
        self.clock = clock
        self.server = server
        self.channel = channel

    async def create(self, prompt: str, agent: str | None = None, notify: Destination = CHAT) -> str:
        request = TaskRequest(prompt, "kimi", "telegram:1", "en", notify=notify, agent=agent)
        task_id, _, statement = self.house.stores.tasks.create(request, 99, 99)
        await self.house.stores.storage.commit([statement])
        self.house.dispatcher.queued()
        return task_id

    async def task(self, task_id: str) -> Task:
        task = await self.house.stores.tasks.get(task_id)
        assert task is not None
        return task

    async def cancel(self, task_id: str) -> None:
        await self.house.stores.storage.commit([self.house.stores.tasks.cancel(task_id)])
        self.house.dispatcher.cancelled(task_id)

    async def begin_anew_elsewhere(self, task_id: str) -> None:
        """Cancel and retry as another process does: nobody tells the dispatcher of either."""
        tasks, storage = self.house.stores.tasks, self.house.stores.storage
        again = tasks.retry(await self.task(task_id))
        await storage.commit([tasks.cancel(task_id)])
        await storage.commit([again])

    @property
    def told(self) -> list[str]:
        return [text for _, text, _ in self.channel.arrived]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "bindings.yaml").write_text("defaults: {agent: a}\nagents: [{id: a, kind: echo}]\nbindings: []\n")
    manifests, clock, channel = load_manifests(), ManualClock(), ScriptedChannel()
    async with open_provider_server() as server:
        environ = {"JAVIS_HOME": str(tmp_path / "data"), "KIMI_API_KEY": "sk-test", "KIMI_API_URL": server.base_url}
        settings = load_settings(None, environ, manifests)
        settings = replace(settings, dispatch=settings.dispatch.model_copy(update={"workers": BOUNDS}))
        bindings = load_bindings(tmp_path / "bindings.yaml")
        async with open_house(settings, bindings, manifests, clock) as house:
            house.delivery.outgoing.opened("telegram", "default", channel)
            async with house.delivery.worker.outlet("telegram", "default", channel), house.dispatcher.open():
                yield Desk(house, clock, server, channel)


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until `condition` holds; the test's time-out bounds it."""
    while not condition():
        await asyncio.sleep(0)


def workers() -> int:
    return sum(task.get_name() == "task worker" for task in asyncio.all_tasks())


class Hanging:
    """A model that does not answer; knows when the asker has hung up."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hung_up = asyncio.Event()

    async def __call__(self, _request: web.Request) -> web.Response:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.hung_up.set()  # the server cancels its handler when the connection is closed
        raise AssertionError


async def test_pool_grows_to_its_upper_bound_and_shrinks_to_its_lower_one(desk: Desk) -> None:
    free = asyncio.Event()

    async def answer(_request: web.Request) -> web.Response:
        await free.wait()
        return web.json_response(completion("done"))

    for _ in range(5):
        desk.server.handle(answer)
    assert workers() == BOUNDS.min
    for number in range(5):
        await desk.create(str(number))
    await until(lambda: len(desk.server.received) == BOUNDS.max)
    assert workers() == BOUNDS.max
    assert await desk.house.stores.tasks.counts() == {"running": 3, "queued": 2}
    free.set()
    await until(lambda: len(desk.told) == 5)
    assert workers() == BOUNDS.max
    await desk.clock.advance(IDLE_SECONDS + 1)
    await until(lambda: workers() == BOUNDS.min)
    await desk.clock.advance(10 * IDLE_SECONDS)
    assert workers() == BOUNDS.min


async def test_each_of_four_tasks_at_once_is_reported_once(desk: Desk) -> None:
    for number in range(4):
        desk.server.reply(completion(f"answer {number}"))
    ids = [await desk.create(f"task {number}") for number in range(4)]
    await until(lambda: len(desk.told) == 4)
    await desk.house.dispatcher.look_after()
    await desk.clock.advance(1)
    assert sorted(line for text in desk.told for line in text.splitlines() if line.startswith("📋")) == [
        f"📋 Task: task {number}" for number in range(4)
    ]
    tasks = [await desk.task(task_id) for task_id in ids]
    assert [(task.state, task.attempt) for task in tasks] == [("succeeded", 1)] * 4
    assert len(desk.server.received) == 4


async def test_cancelling_hangs_up_on_the_model_and_frees_the_worker(desk: Desk) -> None:
    model = Hanging()
    desk.server.handle(model)
    task_id = await desk.create("long")
    await model.asked.wait()
    await desk.cancel(task_id)
    await model.hung_up.wait()
    assert (await desk.task(task_id)).state == "cancelled"
    desk.server.reply(completion("done"))
    other = await desk.create("short")
    await until(lambda: len(desk.told) == 2)
    assert (await desk.task(other)).state == "succeeded"


async def test_clients_of_the_gateway_hear_of_a_cancelled_task_once(desk: Desk) -> None:
    hanging, events = Hanging(), desk.house.ground.events
    seq = events.newest_seq
    desk.server.handle(hanging)
    running = await desk.create("long work")
    await hanging.asked.wait()
    storage, tasks = desk.house.stores.storage, desk.house.stores.tasks
    _, _, create = tasks.create(TaskRequest("waits", "kimi", "telegram:1", "en", notify=CHAT), 99, 99)
    await storage.commit([create])
    (waiting,) = await tasks.newest("queued", 9)
    for task_id in (waiting.id, running):
        await desk.cancel(task_id)
    await until(lambda: len(desk.told) == 2)
    heard = [(event.data["task_id"], event.data["state"]) for event in events.since(seq) or ()]
    assert heard == [(running, "running"), (waiting.id, "cancelled"), (running, "cancelled")]


async def test_a_task_cancelled_and_retried_by_another_process_in_one_moment_keeps_its_new_attempt(desk: Desk) -> None:
    first = Hanging()
    desk.server.handle(first)
    task_id = await desk.create("long")
    await first.asked.wait()
    await desk.begin_anew_elsewhere(task_id)
    desk.server.reply(completion("done"))
    await desk.house.dispatcher.look_after()
    await first.hung_up.wait()
    await until(lambda: bool(desk.told))
    task = await desk.task(task_id)
    assert (task.state, task.attempt, task.output) == ("succeeded", 2, "done")


async def test_a_second_attempt_outlives_the_end_of_the_first(desk: Desk) -> None:
    first, second = Hanging(), Hanging()
    desk.server.handle(first)
    desk.server.handle(second)
    task_id = await desk.create("long")
    await first.asked.wait()
    await desk.begin_anew_elsewhere(task_id)
    desk.house.dispatcher.queued()
    await second.asked.wait()
    await desk.house.dispatcher.look_after()
    await first.hung_up.wait()
    await desk.cancel(task_id)
    await second.hung_up.wait()
    task = await desk.task(task_id)
    assert (task.state, task.attempt) == ("cancelled", 2)


async def test_long_task_says_once_that_it_runs_and_times_out_and_a_retry_is_a_new_attempt(desk: Desk) -> None:
    model = Hanging()
    desk.server.handle(model)
    task_id = await desk.create("long")
    await model.asked.wait()
    await desk.clock.advance(121)
    await until(lambda: len(desk.told) == 1)
    await desk.clock.advance(400)
    assert len(desk.told) == 1
    await desk.clock.advance(80)
    await model.hung_up.wait()
    await until(lambda: len(desk.told) == 2)
    timed_out = await desk.task(task_id)
    assert (timed_out.state, timed_out.attempt) == ("timed_out", 1)
    desk.server.reply(completion("at last"))
    await desk.house.stores.storage.commit([desk.house.stores.tasks.retry(timed_out)])
    desk.house.dispatcher.queued()
    await until(lambda: len(desk.told) == 3)
    done = await desk.task(task_id)
    assert (done.state, done.attempt, done.output) == ("succeeded", 2, "at last")


async def test_a_retried_task_that_is_cancelled_before_it_begins_is_reported_again(desk: Desk) -> None:
    desk.server.reply(completion("done"))
    task_id = await desk.create("short")
    await until(lambda: len(desk.told) == 1)
    tasks, storage = desk.house.stores.tasks, desk.house.stores.storage
    await storage.commit([tasks.retry(await desk.task(task_id))])
    await desk.cancel(task_id)
    await until(lambda: len(desk.told) == 2)
    assert "cancelled" in desk.told[1]
    assert (await desk.task(task_id)).attempt == 2
    while not (await desk.task(task_id)).acknowledged:
        await asyncio.sleep(0)


async def test_tasks_of_a_channel_that_stays_closed_do_not_hide_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.dispatch.teller.REPORTED_AT_ONCE", 1)
    tasks, storage = desk.house.stores.tasks, desk.house.stores.storage
    for notify in (Destination("discord", "default", "1"), CHAT):
        desk.server.handle(Hanging())
        task_id = await desk.create("long", notify=notify)
        await storage.commit([tasks.cancel(task_id)])  # as the command line does
        await desk.clock.advance(1)
    await desk.house.dispatcher.look_after()
    await until(lambda: len(desk.told) == 1)


async def test_a_notice_that_nobody_took_is_not_told_again_when_its_row_is_forgotten(desk: Desk) -> None:
    def refuse() -> None:
        raise Refused("the bot was blocked by the user")

    desk.channel.before_answer = refuse
    desk.server.reply(completion("done"))
    await desk.create("short")
    await until(lambda: len(desk.channel.attempts) == 1)
    await desk.house.delivery.worker.wait_idle(20)
    await desk.clock.advance(31 * 86_400)
    await desk.house.stores.storage.commit([desk.house.stores.outbox.prune()])
    await desk.house.dispatcher.look_after()
    await desk.house.delivery.worker.wait_idle(20)
    assert len(desk.channel.attempts) == 1


async def test_a_task_is_done_by_an_agent_and_one_that_is_gone_fails(desk: Desk) -> None:
    done = await desk.create("say it again", agent="a")
    gone = await desk.create("say it again", agent="b")
    await until(lambda: len(desk.told) == 2)
    task = await desk.task(done)
    assert (task.state, task.output, task.answered_by) == ("succeeded", "say it again", "a")
    assert (await desk.task(gone)).error == "unknown_agent"
    assert desk.server.received == []
