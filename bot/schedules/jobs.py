"""Runs jobs when they are due. The rows say what is due; whoever rings only makes this look at them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from bot import words
from bot.agents.port import Agent, AgentFailed, Turn
from bot.catalogue import Catalogue
from bot.delivery.item import Source
from bot.jobs.job import MOST_ATTEMPTS, MOST_FAILURES, Job, Run
from bot.jobs.store import ON_TIME, JobStore
from bot.pipeline.outgoing import Outgoing, Queued
from bot.sessions.lanes import Lanes
from bot.sessions.store import SessionStore
from bot.sessions.transcript import Conversation, Record
from bot.storage.errors import Fenced, GuardFailed
from bot.storage.patience import commit_patiently, patiently
from bot.storage.port import Statement, Storage
from bot.tools.unattended import IsOwner, unattended
from channels.clock import Clock
from channels.message import Destination, OutboundMessage
from channels.port import Channel

log = logging.getLogger(__name__)

AT_ONCE: Final = 100


class Schedules:
    """Begins what is due, each run in the lane of its job."""

    def __init__(
        self,
        *,
        storage: Storage,
        clock: Clock,
        jobs: JobStore,
        sessions: SessionStore,
        lanes: Lanes,
        outgoing: Outgoing,
        catalogue: Catalogue,
        agents: Callable[[], Mapping[str, Agent]],
        is_owner: IsOwner,
    ) -> None:
        self._storage = storage
        self._clock = clock
        self._jobs = jobs
        self._sessions = sessions
        self._lanes = lanes
        self._outgoing = outgoing
        self._catalogue = catalogue
        self._agents = agents
        self._is_owner = is_owner
        self._next_look: datetime | None = None
        self._under_way: set[tuple[str, datetime]] = set()

    async def recover(self) -> None:
        """Take up what a process left that died in it; not while this one, alone on its database, runs jobs."""
        await self._storage.commit([self._jobs.requeue_interrupted()])
        self.changed()

    def changed(self) -> None:
        """Somebody made, removed or ran a job: look at the rows again."""
        self._next_look = None

    async def look(self) -> None:
        """Begin all that is due. Costs nothing while nothing is."""
        now = self._clock.now()
        if self._next_look is not None and now < self._next_look:
            return
        self._next_look = now
        while due := await self._jobs.due(AT_ONCE):
            for job in due:
                try:
                    await self._storage.commit(self._jobs.advance(job))
                except GuardFailed:
                    log.debug("Somebody else has seen that a job is due", extra={"job": job.id})
        held = False
        for place in await self._jobs.open_places():
            held = not await self._begin_waiting(*place) or held
        next_due = await self._jobs.next_due() or datetime.max.replace(tzinfo=now.tzinfo)
        if not held and self._next_look is not None:  # None: something has changed behind this look
            self._next_look = next_due

    async def _begin_waiting(self, channel_name: str, account: str) -> bool:
        """False while the channel is closed: its runs wait, as their answers would have to."""
        channel = self._outgoing.channel(Destination(channel_name, account, ""))
        if channel is None:
            return False
        last: Run | None = None
        while runs := await self._jobs.open_runs(channel_name, account, last, AT_ONCE):
            late = [run for run in runs if self._is_late(run)]
            if late:
                await self._storage.commit([self._jobs.skip(run) for run in late])
            for run in runs:
                if run not in late:
                    self._begin(run, channel)
            last = runs[-1]
        return True

    def _is_late(self, run: Run) -> bool:
        late = run.job.request.misfire == "skip" and self._clock.now() - run.due > ON_TIME
        return late and run.job.is_due_at(run.due)  # one that somebody asked for happens whenever it can

    def _begin(self, run: Run, channel: Channel) -> None:
        mark = run.job.id, run.due
        if mark in self._under_way:
            return
        self._under_way.add(mark)

        async def work() -> None:
            try:
                await self._run_or_fail(run, channel)
            except GuardFailed:
                log.info("A run was begun or ended by somebody else", extra={"job": run.job.id})
            finally:
                self._under_way.discard(mark)

        self._lanes.submit(run.job.session_key, work)

    async def _run_or_fail(self, run: Run, channel: Channel) -> None:
        try:
            await self._run(run, channel)
        except (GuardFailed, Fenced):
            raise
        except Exception:
            log.exception("A job failed in a way of its own", extra={"job": run.job.id})
            await self._went_wrong(run, channel, "crashed")

    async def _run(self, run: Run, channel: Channel) -> None:
        request = run.job.request
        await commit_patiently(self._storage, self._clock, [self._jobs.take(run)])
        if run.attempts >= MOST_ATTEMPTS:
            await self._went_wrong(run, channel, "interrupted")
            return
        if request.action == "say":
            await self._tell(run, channel, OutboundMessage(request.destination, request.text))
            return
        agent = self._agents().get(request.agent)
        if agent is None:
            await self._went_wrong(run, channel, "unknown_agent")
            return
        try:
            await self._ask(run, channel, agent)
        except AgentFailed as failure:
            await self._went_wrong(run, channel, failure.reason)

    async def _ask(self, run: Run, channel: Channel, agent: Agent) -> None:
        request, moment = run.job.request, self._clock.now()
        conversation = self._sessions.current(run.job.session_key)
        answer = await agent.answer(self._turn(run.job, conversation, moment))
        said = [Record("user", request.text, moment), Record("assistant", answer.text, self._clock.now())]
        kept = list(self._sessions.append(conversation, request.agent, said))
        kept += [statement for effect in answer.effects for statement in effect.statements]
        await self._tell(run, channel, OutboundMessage(request.destination, answer.text, "markdown"), kept)
        for effect in answer.effects:
            if effect.after is not None:
                effect.after()

    def _turn(self, job: Job, conversation: Conversation, moment: datetime) -> Turn:
        """What an agent is asked, with the tools that whoever made the job may use there."""
        request, key, place = job.request, job.session_key, job.request.destination
        channel, _, sender = (request.requester or "").partition(":")
        if request.requester is None and self._is_owner(place.channel, place.chat):
            channel, sender = place.channel, place.chat
        here = sender if channel == place.channel else ""
        return Turn(
            session_key=key,
            text=request.text,
            sender_name="",
            is_direct=True,
            moment=moment.astimezone(request.zone),
            history=lambda most: self._sessions.recall(conversation, most),
            peer=f"{place.channel}:{place.chat}",
            principal=unattended(request.agent, key, place, here, request.language, self._is_owner),
        )

    async def _tell(self, run: Run, channel: Channel, message: OutboundMessage, kept: Sequence[Statement] = ()) -> None:
        """Queue `message` and end the run in one transaction with what is `kept` of it."""
        queued = self._queue(run, channel, message)
        done = self._jobs.finish(run, queued.items[0].id if queued.items else None)
        await commit_patiently(self._storage, self._clock, [*kept, *queued.statements, *done])
        self._outgoing.leave(queued)

    async def _went_wrong(self, run: Run, channel: Channel, reason: str) -> None:
        log.warning("A job failed", extra={"job": run.job.id, "reason": reason})
        current = await patiently(self._clock, lambda: self._jobs.find(run.job.id), "jobs.find")
        text = self._last_words(current or run.job, reason)
        if text is None:
            await commit_patiently(self._storage, self._clock, self._jobs.fail(run, reason))
            return
        queued = self._queue(run, channel, OutboundMessage(run.job.request.destination, text))
        failed = self._jobs.fail(run, reason, queued.items[0].id)
        await commit_patiently(self._storage, self._clock, [*queued.statements, *failed])
        self._outgoing.leave(queued)

    def _last_words(self, job: Job, reason: str) -> str | None:
        """What is told of a failure after which nothing comes any more; None where the job has another time."""
        say = partial(self._catalogue.say, job.request.language)
        if job.next_due is None:
            why = say(words.FAILURES.get(reason, words.SOMETHING_WENT_WRONG))
            return say(words.JOB_FAILED, name=job.request.name, job=job.id, reason=why)
        if job.state != "on" or job.failures + 1 < MOST_FAILURES:
            return None
        return say(words.JOB_SWITCHED_OFF, name=job.request.name, count=MOST_FAILURES, job=job.id)

    def _queue(self, run: Run, channel: Channel, message: OutboundMessage) -> Queued:
        source = Source("cron", run.source_id)
        return self._outgoing.queue(channel, message, "notice", source, run.job.request.language)
