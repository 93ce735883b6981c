"""Jobs over a real database and a clock of our own: what is due happens once, what was missed as its policy says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from typing_extensions import override

from bot.agents.port import AgentFailed, Answer, Turn
from bot.catalogue import Catalogue
from bot.jobs.job import MOST_FAILURES, Job, JobRequest, Misfire, Run
from bot.jobs.schedule import parse_schedule
from bot.jobs.store import JobStore
from bot.pipeline.outgoing import Outgoing
from bot.schedules.jobs import Schedules
from bot.sessions.lanes import Lanes
from bot.sessions.store import SessionStore
from bot.storage.errors import GuardFailed, StorageUnavailable
from bot.storage.opening import Database, open_storage
from bot.tools.port import Effect
from channels.clock import SystemClock
from channels.errors import Refused
from channels.message import Destination
from tests.patience import PATIENCE_SECONDS
from tests.unit.delivery.setting import Post

UTC_ZONE = ZoneInfo("UTC")


class ScriptedAgent:
    id = "main"

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        self.effects: list[Effect] = []
        self.fails = False
        self.breaks = False

    async def answer(self, turn: Turn) -> Answer:
        self.turns.append(turn)
        if self.fails:
            raise AgentFailed("model_busy")
        if self.breaks:
            raise RuntimeError("a plugin's own fault")
        return Answer(f"answer {len(self.turns)}", effects=self.effects)


class Office:
    """Schedules with a worker and a channel."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.jobs = JobStore(post.storage, post.clock)
        self.agent = ScriptedAgent()
        self.lanes = Lanes(10)
        self.outgoing = Outgoing(post.store, post.worker, post.clock)
        self.outgoing.opened("telegram", "default", post.channel)
        self.schedules = self.started()

    def started(self) -> Schedules:
        """As a process finds it that begins."""
        return Schedules(
            storage=self.post.storage,
            clock=self.post.clock,
            jobs=self.jobs,
            sessions=SessionStore(self.post.storage, self.post.clock),
            lanes=self.lanes,
            outgoing=self.outgoing,
            catalogue=Catalogue.load(),
            agents=lambda: {"main": self.agent},
            is_owner=lambda channel, sender: (channel, sender) == ("telegram", "1"),
        )

    async def add(
        self,
        schedule: str,
        *,
        ask: bool = False,
        misfire: Misfire = "once",
        requester: str | None = "t:1",
        chat: str = "1",
        channel: str = "telegram",
        name: str = "water",
    ) -> str:
        request = JobRequest(
            name=name,
            schedule=parse_schedule(schedule, UTC_ZONE, self.post.clock.now()),
            zone=UTC_ZONE,
            action="ask" if ask else "say",
            text="drink",
            agent="main",
            destination=Destination(channel, "default", chat),
            language="en",
            misfire=misfire,
            requester=requester,
        )
        job_id, _, statement = self.jobs.add(request)
        await self.post.storage.commit([statement])
        self.schedules.changed()
        return job_id

    async def waiting(self) -> Sequence[Run]:
        return await self.jobs.open_runs("telegram", "default", None, 10)

    async def look(self) -> None:
        await self.schedules.look()
        await self.lanes.wait_idle()
        await self.post.settle()

    async def live(self, seconds: int, step: int = 10) -> None:
        for _ in range(0, seconds, step):
            await self.post.clock.advance(step)
            await self.look()


@pytest.fixture
async def office(any_database: Database) -> AsyncIterator[Office]:
    async with open_storage(any_database, SystemClock()) as storage:
        post = Post(storage)
        async with post.worker.outlet("telegram", "default", post.channel):
            yield Office(post)


@pytest.mark.parametrize(
    ("requester", "chat", "audience"),
    [(None, "1", "owner"), (None, "2", "group"), ("telegram:2", "2", "direct"), ("telegram:2", "-5", "group")],
)
async def test_an_agent_has_the_tools_of_whoever_made_the_job(
    office: Office, requester: str | None, chat: str, audience: str
) -> None:
    done: list[str] = []
    prune = office.post.store.prune()
    office.agent.effects = [Effect([prune], lambda: done.append("after"))]
    await office.add("every 10m", ask=True, requester=requester, chat=chat)
    await office.live(700)
    (turn,) = office.agent.turns
    assert turn.principal is not None
    assert (turn.principal.audience, turn.principal.place.chat, turn.principal.can_confirm) == (audience, chat, False)
    assert done == ["after"]


async def test_a_reminder_is_said_once_at_its_time(office: Office) -> None:
    job_id = await office.add("at 2026-01-01T12:10")
    await office.live(590)
    assert office.post.texts == []
    await office.live(60)
    assert office.post.texts == ["drink"]
    job = await office.jobs.find(job_id)
    assert job is not None
    assert (job.state, job.next_due) == ("ended", None)


async def test_every_due_time_happens_once_also_with_two_lookers(office: Office) -> None:
    await office.add("every 5m")
    other = office.started()
    for _ in range(360):
        await office.post.clock.advance(10)
        await other.look()
        await office.look()
        other.changed()
    assert office.post.texts == ["drink"] * 12


@pytest.mark.parametrize(("misfire", "told"), [("once", 1), ("skip", 0), ("all", 23)])
async def test_what_was_missed_while_down(office: Office, misfire: Misfire, told: int) -> None:
    await office.add("cron 0 * * * *", misfire=misfire)
    await office.post.clock.advance(23 * 3600 + 1800)
    office.schedules = office.started()
    await office.look()
    assert len(office.post.texts) == told
    await office.live(3600, step=30)
    assert len(office.post.texts) == told + 1


async def test_a_year_of_missed_minutes_is_caught_up_in_bounded_steps(office: Office) -> None:
    await office.add("every 1m")
    await office.post.clock.advance(365 * 86_400)
    await office.look()
    assert office.post.texts == ["drink"]


async def test_a_run_waits_for_its_channel(office: Office) -> None:
    await office.add("at 2026-01-01T12:10", ask=True)
    office.outgoing.closed("telegram", "default")
    await office.live(900)
    assert office.agent.turns == []
    office.outgoing.opened("telegram", "default", office.post.channel)
    await office.look()
    assert office.post.texts == ["answer 1"]


@pytest.mark.parametrize(("misfire", "told"), [("once", 2), ("skip", 2), ("all", 31)])
async def test_what_was_missed_while_its_channel_was_closed(office: Office, misfire: Misfire, told: int) -> None:
    await office.add("every 1m", misfire=misfire)
    office.outgoing.closed("telegram", "default")
    await office.live(1830, step=30)
    office.outgoing.opened("telegram", "default", office.post.channel)
    await office.live(30)
    assert len(office.post.texts) == told


async def test_a_channel_that_stays_closed_holds_up_no_other(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.schedules.jobs.AT_ONCE", 2)
    for number in range(3):
        await office.add("every 1h", misfire="all", channel="discord", requester=f"d:{number}")
    await office.add("every 2h")
    await office.live(3 * 3600, step=600)
    assert office.post.texts == ["drink"]


async def test_as_many_as_there_are_begin_at_one_moment(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.schedules.jobs.AT_ONCE", 2)
    for _ in range(5):
        await office.add("at 2026-01-01T12:10")
    await office.live(610)
    assert office.post.texts == ["drink"] * 5


async def test_an_agent_that_breaks_has_failed_and_its_job_goes_on(office: Office) -> None:
    job_id = await office.add("every 1h", ask=True)
    office.agent.breaks = True
    await office.live(3600, step=600)
    job = await office.jobs.find(job_id)
    assert job is not None
    assert (job.failures, job.error) == (1, "crashed")
    office.agent.breaks = False
    await office.live(3600, step=600)
    assert office.post.texts == ["answer 2"]


class JobsOfADatabaseThatRests(JobStore):
    """Cannot be read so many times."""

    rests = 0

    @override
    async def find(self, prefix: str) -> Job | None:
        if self.rests:
            self.rests -= 1
            raise StorageUnavailable("the server does not answer")
        return await super().find(prefix)


async def test_a_failure_is_kept_and_told_though_the_database_rests(office: Office) -> None:
    office.jobs = jobs = JobsOfADatabaseThatRests(office.post.storage, office.post.clock)
    office.schedules = office.started()
    await office.add("at 2026-01-01T12:10", ask=True)
    office.agent.fails, jobs.rests = True, 3
    await office.post.clock.advance(601)
    await office.schedules.look()
    idle = asyncio.create_task(office.lanes.wait_idle())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not idle.done():
            await office.post.clock.advance(0.25)
    await office.post.settle()
    (told,) = office.post.texts
    assert "very busy" in told


async def test_runs_of_every_end_are_forgotten_after_a_month(office: Office) -> None:
    await office.add("at 2026-01-01T12:10", misfire="skip")
    await office.post.clock.advance(86_400)
    await office.look()
    await office.post.clock.advance(31 * 86_400)
    await office.post.storage.commit(office.jobs.prune())
    assert await office.jobs.known(10) == []


async def test_an_agent_is_asked_in_the_session_of_its_job(office: Office) -> None:
    job_id = await office.add("every 1h", ask=True)
    await office.live(7200, step=600)
    assert office.post.texts == ["answer 1", "answer 2"]
    assert office.agent.turns[1].session_key == f"agent:main:cron:{job_id}"
    history = await office.agent.turns[1].history(10)
    assert [record.content for record in history] == ["drink", "answer 1", "drink", "answer 2"]


async def test_five_failures_in_a_row_switch_a_job_off_and_say_so(office: Office) -> None:
    job_id = await office.add("every 1h", ask=True)
    office.agent.fails = True
    await office.live(4 * 3600, step=600)
    office.agent.fails = False
    await office.live(3600, step=600)
    office.agent.fails = True
    await office.live(6 * 3600, step=600)
    assert len(office.agent.turns) == 4 + 1 + MOST_FAILURES
    job = await office.jobs.find(job_id)
    assert job is not None
    assert (job.state, job.error) == ("off", "model_busy")
    assert office.post.texts[0] == "answer 5"
    assert "switched off" in office.post.texts[1]
    assert job_id in office.post.texts[1]


async def test_a_job_that_is_switched_off_says_so_once_whatever_it_had_missed(office: Office) -> None:
    job_id = await office.add("every 1h", ask=True, misfire="all")
    office.agent.fails = True
    await office.post.clock.advance(23 * 3600)
    await office.look()
    assert len(office.agent.turns) == MOST_FAILURES
    job = await office.jobs.find(job_id)
    assert job is not None
    await office.live(10)
    await office.post.storage.commit([office.jobs.run_now(job)])
    office.schedules.changed()
    await office.live(3600, step=600)
    assert len(office.agent.turns) == MOST_FAILURES + 1
    (told,) = office.post.texts
    assert "switched off" in told


async def test_a_run_whose_process_died_is_taken_up_again_and_told_once(office: Office) -> None:
    await office.add("at 2026-01-01T12:10", ask=True)
    await office.post.clock.advance(601)
    (job,) = await office.jobs.due(10)
    await office.post.storage.commit(office.jobs.advance(job))
    (run,) = await office.waiting()
    await office.post.storage.commit([office.jobs.take(run)])  # and then it died
    with pytest.raises(GuardFailed):
        await office.post.storage.commit([office.jobs.take(run)])
    office.schedules = office.started()
    await office.look()
    assert office.agent.turns == []
    await office.post.clock.advance(1)
    await office.schedules.recover()
    await office.look()
    assert office.post.texts == ["answer 1"]


async def test_a_run_that_keeps_killing_its_process_is_given_up_and_its_chat_told(office: Office) -> None:
    await office.add("at 2026-01-01T12:10", ask=True)
    await office.post.clock.advance(601)
    (job,) = await office.jobs.due(10)
    await office.post.storage.commit(office.jobs.advance(job))
    for _ in range(3):
        (run,) = await office.waiting()
        await office.post.storage.commit([office.jobs.take(run)])
        await office.post.clock.advance(1)
        await office.post.storage.commit([office.jobs.requeue_interrupted()])
    await office.look()
    (told,) = office.post.texts
    assert "interrupted" in told
    (known,) = await office.jobs.known(10)
    assert (office.agent.turns, known.state, known.error) == ([], "ended", "interrupted")
    assert await office.waiting() == []


async def test_a_job_whose_only_time_fails_tells_its_chat(office: Office) -> None:
    job_id = await office.add("at 2026-01-01T12:10", ask=True)
    office.agent.fails = True
    await office.live(900)
    (told,) = office.post.texts
    assert "“water”" in told
    assert "very busy" in told
    (job,) = await office.jobs.known(10)
    assert (job.id, job.state, job.error) == (job_id, "ended", "model_busy")


class JobsWithAnInterruption(JobStore):
    """Calls `meanwhile` once, when the rows were read whose runs are to begin."""

    meanwhile: Callable[[], Awaitable[None]] | None = None

    @override
    async def open_places(self) -> list[tuple[str, str]]:
        found = await super().open_places()
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return found


async def test_a_look_under_way_does_not_miss_what_changes_meanwhile(office: Office) -> None:
    office.jobs = jobs = JobsWithAnInterruption(office.post.storage, office.post.clock)
    office.schedules = office.started()
    await office.add("every 1h")
    (job,) = await jobs.known(10)

    async def run_now() -> None:
        await office.post.storage.commit([jobs.run_now(job)])
        office.schedules.changed()

    jobs.meanwhile = run_now
    await office.look()
    await office.look()
    assert office.post.texts == ["drink"]


async def test_a_job_is_found_by_its_name_though_other_ids_begin_so(office: Office) -> None:
    first, second = await office.add("every 1h"), await office.add("every 1h", name="job")
    assert await office.jobs.find("job-") is None
    found = [await office.jobs.find(text) for text in ("job", "water", first, second[:11])]
    assert [each and each.id for each in found] == [second, first, first, second]


async def test_run_now_leaves_its_times_as_they_are(office: Office) -> None:
    job_id = await office.add("every 1h")
    job = await office.jobs.find(job_id)
    assert job is not None
    await office.post.storage.commit([office.jobs.run_now(job)])
    office.schedules.changed()
    await office.look()
    assert office.post.texts == ["drink"]
    await office.live(3600, step=600)
    assert office.post.texts == ["drink"] * 2


@pytest.mark.parametrize("misfire", ["once", "skip", "all"])
async def test_runs_asked_for_in_the_moment_of_a_due_time_happen_beside_it(office: Office, misfire: Misfire) -> None:
    job_id = await office.add("every 1h", misfire=misfire)
    await office.post.clock.advance(3600)
    (job,) = await office.jobs.due(10)
    await office.post.storage.commit([office.jobs.run_now(job)])
    await office.post.storage.commit([office.jobs.run_now(job)])
    await office.look()
    assert len(office.post.texts) == (2 if misfire == "once" else 3)  # one that waits stands for a missed one
    found = await office.jobs.find(job_id)
    assert found is not None
    await office.post.storage.commit([office.jobs.run_now(found)])
    office.schedules.changed()
    told = len(office.post.texts)
    await office.look()
    assert len(office.post.texts) == told + 1


async def test_a_run_asked_for_happens_however_late_a_bot_comes(office: Office) -> None:
    job_id = await office.add("every 1h", misfire="skip")
    job = await office.jobs.find(job_id)
    assert job is not None
    await office.post.storage.commit([office.jobs.run_now(job)])
    await office.post.clock.advance(1200)
    office.schedules.changed()
    await office.look()
    assert office.post.texts == ["drink"]


async def test_a_removed_job_is_silent_also_when_it_was_due(office: Office) -> None:
    job_id = await office.add("every 1h")
    await office.post.clock.advance(4000)
    await office.post.storage.commit([office.jobs.remove(job_id)])
    await office.look()
    assert office.post.texts == []


async def test_delivered_means_that_the_platform_took_it(office: Office) -> None:
    await office.add("every 1h")
    await office.live(3600, step=600)
    (job,) = await office.jobs.known(10)
    assert job.last_delivered is not None
    assert job.last_run is not None
    assert job.last_delivered >= job.last_run
    office.post.channel.failures["drink"] = [Refused("no such chat")]
    await office.live(3600, step=600)
    (again,) = await office.jobs.known(10)
    assert again.last_run is not None
    assert again.last_run - job.last_run >= timedelta(minutes=50)
    assert again.last_delivered == job.last_delivered


async def test_one_person_cannot_fill_the_house(office: Office) -> None:
    for _ in range(50):
        await office.add("every 1h")
    with pytest.raises(GuardFailed):
        await office.add("every 1h")
    await office.add("every 1h", requester="t:2")


async def test_a_moment_that_is_over_is_no_job(office: Office) -> None:
    with pytest.raises(ValueError, match="over"):
        await office.add("at 2025-01-01T12:10")


async def test_a_chat_that_moves_takes_its_jobs_along(office: Office) -> None:
    job_id = await office.add("every 1h")
    await office.post.storage.commit([office.jobs.chat_moved("telegram", "default", "1", "-100")])
    job = await office.jobs.find(job_id)
    assert job is not None
    assert job.request.destination == replace(job.request.destination, chat="-100")
