"""A job: what is said, or asked of an agent, at which times, and where it is told."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from bot.catalogue import Language
from bot.jobs.schedule import Schedule, parse_schedule
from bot.storage.port import Row
from channels.clock import from_unix_ms, unix_ms
from channels.message import Destination

Misfire = Literal["once", "skip", "all"]
"""What happens to due times that passed while nobody could act on them:

once     they happen once, however many they are
skip     they do not happen
all      each happens, the oldest first
"""
Action = Literal["say", "ask"]
JobState = Literal["on", "off", "ended"]
"""`off`: switched off after MOST_FAILURES failures in a row. `ended`: its last due time is over."""

ID_PREFIX: Final = "job-"
MILLISECOND: Final = timedelta(milliseconds=1)
"""How finely moments are kept."""
MOST_FAILURES: Final = 5
MOST_ATTEMPTS: Final = 3  # times that a run is begun whose process dies in it
MOST_MISSED: Final = 100


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to be. `text` is said as it is (`say`) or asked of `agent` (`ask`); `requester` None: the owner."""

    name: str
    schedule: Schedule
    zone: ZoneInfo
    action: Action
    text: str
    agent: str
    destination: Destination
    language: Language
    misfire: Misfire = "once"
    requester: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as its row stands. `next_due` None: never again. `error` is the last failure's reason."""

    id: str
    request: JobRequest
    created: datetime
    next_due: datetime | None
    state: JobState
    failures: int
    error: str | None
    last_run: datetime | None = None
    last_delivered: datetime | None = None

    @property
    def session_key(self) -> str:
        return f"agent:{self.request.agent}:cron:{self.id}"

    def is_due_at(self, moment: datetime) -> bool:
        """Whether `moment`, to the millisecond, is one of its times."""
        moment = from_unix_ms(unix_ms(moment))
        return self.request.schedule.next_after(moment - MILLISECOND, self.created) == moment


@dataclass(frozen=True, slots=True)
class Run:
    """One due time of a job that is to happen, or a moment at which somebody asked for one more.

    `attempts` counts the times it was begun before.
    """

    job: Job
    due: datetime
    attempts: int = 0

    @property
    def source_id(self) -> str:
        """The same whenever this run is made again, so that nothing is told twice."""
        return f"{self.job.id}:{self.due.timestamp():.3f}"


def new_job_id() -> str:
    return ID_PREFIX + secrets.token_hex(4)


def job_from_row(row: Row) -> Job:
    zone, created = ZoneInfo(row["zone"]), from_unix_ms(row["created_ms"])
    columns = set(row.keys())
    return Job(
        id=row["id"],
        request=JobRequest(
            name=row["name"],
            schedule=parse_schedule(row["schedule"], zone, created),
            zone=zone,
            action=row["action"],
            text=row["text"],
            agent=row["agent"],
            destination=Destination(row["channel"], row["account"], row["chat"], row["thread"]),
            language=row["language"],
            misfire=row["misfire"],
            requester=row["requester"],
        ),
        created=created,
        next_due=_moment(row["next_due_ms"]),
        state=row["state"],
        failures=row["failures"],
        error=row["error"],
        last_run=_moment(row["last_run_ms"]) if "last_run_ms" in columns else None,
        last_delivered=_moment(row["last_delivered_ms"]) if "last_delivered_ms" in columns else None,
    )


def job_json(job: Job) -> dict[str, Any]:
    """For lists and machines."""
    to = job.request.destination
    return {
        "id": job.id,
        "name": job.request.name,
        "schedule": str(job.request.schedule),
        "zone": job.request.zone.key,
        "misfire": job.request.misfire,
        "action": job.request.action,
        "text": job.request.text,
        "agent": job.request.agent,
        "to": {"channel": to.channel, "account": to.account, "chat": to.chat, "thread": to.thread},
        "state": job.state,
        "next_due_at": _iso(job.next_due),
        "last_run_at": _iso(job.last_run),
        "last_delivered_at": _iso(job.last_delivered),
        "failures": job.failures,
        "error": job.error,
    }


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_unix_ms(milliseconds)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
