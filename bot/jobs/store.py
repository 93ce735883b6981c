"""Jobs on disk: their statements and reads."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.jobs.job import MILLISECOND, MOST_FAILURES, MOST_MISSED, Job, JobRequest, Run, job_from_row, new_job_id
from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, from_unix_ms, unix_ms
from channels.message import Destination

ON_TIME: Final = timedelta(seconds=60)  # a due time so long ago counts as missed
KEEP_RUNS: Final = timedelta(days=30)
PER_USER: Final = 50


class JobStore:
    """Reads and statements of jobs."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def add(self, request: JobRequest) -> tuple[str, datetime, Statement]:
        """(id, first due time, statement); the statement fails when the requester has PER_USER jobs already.

        Raises ValueError when it would never be due.
        """
        now = self._clock.now()
        due = request.schedule.next_after(now, now)
        if due is None:
            raise ValueError("that moment is over")
        job_id, to = new_job_id(), request.destination
        values: dict[str, SqlValue] = {
            "id": job_id,
            "name": request.name,
            "schedule": str(request.schedule),
            "zone": request.zone.key,
            "misfire": request.misfire,
            "action": request.action,
            "text": request.text,
            "agent": request.agent,
            "channel": to.channel,
            "account": to.account,
            "chat": to.chat,
            "thread": to.thread,
            "requester": request.requester,
            "language": request.language,
            "now_ms": unix_ms(now),
            "next_due_ms": unix_ms(due),
            "per_user": PER_USER,
        }
        return job_id, due, Statement("jobs.add", values, required=True)

    def remove(self, job_id: str) -> Statement:
        """Fails when there is no such job."""
        return Statement("jobs.remove", {"id": job_id}, required=True)

    def run_now(self, job: Job) -> Statement:
        """One more run, now; the times at which the job is due stay as they are."""
        moment = self._clock.now()
        if job.is_due_at(moment):
            moment += MILLISECOND
        return Statement("jobs.run_now", {"id": job.id, "now_ms": unix_ms(moment)})

    def advance(self, job: Job) -> list[Statement]:
        """What is due becomes runs as its policy for missed times says, and the job waits for its next time.

        A job whose next time is still over then (MOST_MISSED at once are enough) is due again.
        """
        due, next_due = _runs(job, self._clock.now())
        first: dict[str, SqlValue] = {"id": job.id, "due_ms": _ms(job.next_due), "next_due_ms": _ms(next_due)}
        if job.request.misfire == "once":
            runs = [Statement("jobs.add_run_once", {"id": job.id, "due_ms": unix_ms(each)}) for each, _ in due]
        else:
            runs = [self._add_run(job, each, state) for each, state in due]
        return [Statement("jobs.advance", first, required=True), *runs, Statement("jobs.end_finished", {"id": job.id})]

    def take(self, run: Run) -> Statement:
        """Begin a run; fails when somebody else has."""
        values: dict[str, SqlValue] = {"now_ms": self._now_ms(), "holder": self._storage.member}
        return Statement("jobs.take_run", {**_identity(run), **values}, required=True)

    def skip(self, run: Run) -> Statement:
        """A run that waits does not happen."""
        return Statement("jobs.skip_run", _identity(run))

    def finish(self, run: Run, outbox_id: str | None) -> list[Statement]:
        """The run went well; `outbox_id` names what tells of it, None: there was nothing to tell."""
        return [self._finish(run, "done", outbox_id), Statement("jobs.went_well", {"id": run.job.id})]

    def fail(self, run: Run, reason: str, outbox_id: str | None = None) -> list[Statement]:
        """The run went wrong; the job is switched off after MOST_FAILURES in a row."""
        values: dict[str, SqlValue] = {"id": run.job.id, "error": reason, "most_failures": MOST_FAILURES}
        skipped = Statement("jobs.skip_runs_of_switched_off", {"id": run.job.id})
        return [self._finish(run, "failed", outbox_id), Statement("jobs.went_wrong", values), skipped]

    def requeue_interrupted(self) -> Statement:
        """Runs whose process died in them wait again."""
        return Statement("jobs.requeue_interrupted", {})

    def chat_moved(self, channel: str, account: str, chat: str, new_chat: str) -> Statement:
        """Jobs that tell a chat follow it to its new id."""
        values: dict[str, SqlValue] = {"channel": channel, "account": account, "chat": chat, "new_chat": new_chat}
        return Statement("jobs.chat_moved", values)

    def prune(self) -> list[Statement]:
        """Forget runs and jobs that ended long ago."""
        before: dict[str, SqlValue] = {"before_ms": unix_ms(self._clock.now() - KEEP_RUNS)}
        return [Statement("jobs.prune_runs", before), Statement("jobs.prune", before)]

    async def next_due(self) -> datetime | None:
        """When the first job is due; None: none is."""
        (row,) = await self._storage.read("jobs.next_due", {})
        return None if row["due_ms"] is None else from_unix_ms(row["due_ms"])

    async def due(self, most: int) -> list[Job]:
        """Jobs whose time has come, the longest waiting first."""
        rows = await self._storage.read("jobs.due", {"now_ms": self._now_ms(), "most": most})
        return [job_from_row(row) for row in rows]

    async def open_places(self) -> list[tuple[str, str]]:
        """The channels and accounts for which runs wait."""
        return [(row["channel"], row["account"]) for row in await self._storage.read("jobs.open_places", {})]

    async def open_runs(self, channel: str, account: str, after: Run | None, most: int) -> list[Run]:
        """Runs that wait to tell this channel, the oldest first, beginning behind `after` (None: with the first)."""
        values: dict[str, SqlValue] = {
            "channel": channel,
            "account": account,
            "after_ms": -1 if after is None else unix_ms(after.due),
            "after_id": "" if after is None else after.job.id,
            "most": most,
        }
        rows = await self._storage.read("jobs.open_runs", values)
        return [Run(job_from_row(row), from_unix_ms(row["due_ms"]), row["attempts"]) for row in rows]

    async def find(self, prefix: str) -> Job | None:
        """The job of this id, else of this name, else whose id starts so; None when there is none, or more than one."""
        found = [job_from_row(row) for row in await self._storage.read("jobs.find", {"prefix": prefix})]
        nearness = [(job.id == prefix, job.request.name == prefix) for job in found]
        return found[0] if len(found) == 1 or len(set(nearness)) == 2 else None

    async def known(self, most: int) -> list[Job]:
        """All jobs, those that are on first, the next due first."""
        return [job_from_row(row) for row in await self._storage.read("jobs.list", {"most": most})]

    async def count_of(self, requester: str | None) -> int:
        """How many jobs of one person are on; 0 for the owner's, which have no bound."""
        (row,) = await self._storage.read("jobs.count_of", {"requester": requester})
        return int(row["items"])

    async def of_chat(self, origin: Destination, most: int) -> list[Job]:
        """The jobs that are on and tell this chat, the next due first."""
        values: dict[str, SqlValue] = {
            "channel": origin.channel,
            "account": origin.account,
            "chat": origin.chat,
            "most": most,
        }
        return [job_from_row(row) for row in await self._storage.read("jobs.list_of_chat", values)]

    def _add_run(self, job: Job, due: datetime, state: str) -> Statement:
        return Statement("jobs.add_run", {"id": job.id, "due_ms": unix_ms(due), "state": state})

    def _finish(self, run: Run, state: str, outbox_id: str | None) -> Statement:
        values: dict[str, SqlValue] = {"state": state, "outbox_id": outbox_id, "now_ms": self._now_ms()}
        return Statement("jobs.finish_run", {**_identity(run), **values}, required=True)

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())


def _runs(job: Job, now: datetime) -> tuple[Sequence[tuple[datetime, str]], datetime | None]:
    """What the times that are over become, as (due time, state), and the next time."""
    schedule, due = job.request.schedule, job.next_due
    if due is None or due > now:
        return (), due
    if job.request.misfire == "all":
        runs: list[tuple[datetime, str]] = []
        moment: datetime | None = due
        while moment is not None and moment <= now and len(runs) < MOST_MISSED:
            runs.append((moment, "waiting"))
            moment = schedule.next_after(moment, job.created)
        return runs, moment
    following = schedule.next_after(now, job.created)
    if job.request.misfire == "skip":
        on_time = schedule.next_after(now - ON_TIME, job.created)
        return ([(on_time, "waiting")] if on_time and on_time <= now else [(due, "skipped")]), following
    return [(due, "waiting")], following


def _identity(run: Run) -> dict[str, SqlValue]:
    return {"id": run.job.id, "due_ms": unix_ms(run.due)}


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else unix_ms(moment)
