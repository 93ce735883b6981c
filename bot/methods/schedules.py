"""Jobs that happen at their times: `cron.*`."""

from typing import Literal, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field
from typing_extensions import TypedDict

from bot.jobs.job import Action, Job, JobRequest, Misfire, job_json
from bot.jobs.schedule import BadSchedule, parse_schedule
from bot.methods.desk import Caller, Desk
from bot.methods.failure import CONFLICT, INVALID_PARAMS, NOT_FOUND, MethodFailed
from bot.methods.page import Newest
from bot.settings.heartbeat import ChatAddress
from bot.settings.owners import owner_chat
from bot.storage.errors import GuardFailed
from bot.titles import is_blank
from channels.config import Strict
from channels.message import Destination


class Add(Strict):
    """`schedule`: `at 2026-12-01T09:00`, `every 30m` or `cron 0 9 * * 1-5`. `zone` null: that of the settings.

    `say` sends `text` as it is, `ask` asks the agent (null: the default one) and sends its answer. `to` null: the
    owner.
    """

    name: str = Field(min_length=1, max_length=100)
    schedule: str = Field(min_length=1, max_length=200)
    zone: str | None = Field(default=None, max_length=100)
    misfire: Misfire = "once"
    action: Action = "say"
    text: str = Field(min_length=1, max_length=20_000)
    agent: str | None = None
    to: ChatAddress | None = None


class One(Strict):
    """A job by its name, its id or the beginning of its id."""

    job: str = Field(min_length=1, max_length=100)


class Place(TypedDict):
    """A chat."""

    channel: str
    account: str
    chat: str
    thread: str | None


class JobView(TypedDict):
    """A job. Times are ISO 8601; `last_delivered_at` is when a platform last took what it had to say."""

    id: str
    name: str
    schedule: str
    zone: str
    misfire: Misfire
    action: Action
    text: str
    agent: str
    to: Place
    state: Literal["on", "off", "ended"]
    next_due_at: str | None
    last_run_at: str | None
    last_delivered_at: str | None
    failures: int
    error: str | None


async def known(desk: Desk, _caller: Caller, params: Newest) -> dict[str, list[JobView]]:
    """All jobs, the next due first."""
    return {"jobs": [_view(job) for job in await desk.jobs.known(params.limit)]}


async def add(desk: Desk, _caller: Caller, params: Add) -> JobView:
    """Make a job; its chat, agent, zone and times are checked now."""
    for field, text in (("name", params.name), ("text", params.text)):
        if is_blank(text):
            raise MethodFailed(INVALID_PARAMS, f"{field}: it is empty")
    zone = _zone(desk, params.zone)
    try:
        schedule = parse_schedule(params.schedule, zone, desk.clock.now())
        agent = params.agent or desk.table().defaults.agent
        if agent not in {entry.id for entry in desk.entries()}:
            raise MethodFailed(INVALID_PARAMS, f"agent: there is no agent {agent!r} in bindings.yaml")
        request = JobRequest(
            name=params.name,
            schedule=schedule,
            zone=zone,
            action=params.action,
            text=params.text,
            agent=agent,
            destination=_destination(desk, params.to, agent),
            language=desk.settings.language,
            misfire=params.misfire,
        )
        job_id, _, statement = desk.jobs.add(request)
    except BadSchedule as fault:
        raise MethodFailed(INVALID_PARAMS, f"schedule: {fault}") from None
    except ValueError as fault:
        raise MethodFailed(INVALID_PARAMS, f"schedule: {params.schedule}: {fault}") from None
    await desk.storage.commit([statement])
    _tell(desk)
    return _view(await _find(desk, job_id))


async def remove(desk: Desk, _caller: Caller, params: One) -> JobView:
    """Forget a job."""
    job = await _find(desk, params.job)
    try:
        await desk.storage.commit([desk.jobs.remove(job.id)])
    except GuardFailed:
        raise MethodFailed(CONFLICT, f"{job.id} was removed by somebody else") from None
    _tell(desk)
    return _view(job)


async def run(desk: Desk, _caller: Caller, params: One) -> JobView:
    """Let a job happen now, beside its times. Where no bot runs, it happens when one does."""
    job = await _find(desk, params.job)
    await desk.storage.commit([desk.jobs.run_now(job)])
    _tell(desk)
    return _view(job)


def _zone(desk: Desk, name: str | None) -> ZoneInfo:
    if name is None:
        return desk.settings.schedules.zone
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MethodFailed(INVALID_PARAMS, f"zone: {name!r} is no time zone: write one like Asia/Taipei") from None


def _destination(desk: Desk, to: ChatAddress | None, agent: str) -> Destination:
    if to is None:
        owner = owner_chat(desk.settings, desk.table(), agent)
        if owner is None:
            words = "to: no owner is known: name a chat, or put your id under a channel's owners in javis.yaml"
            raise MethodFailed(INVALID_PARAMS, words)
        return owner
    config = desk.settings.channels.get(to.channel)
    if config is None or not config.enabled:
        raise MethodFailed(INVALID_PARAMS, f"to: the channel {to.channel!r} is not enabled")
    if to.account not in config.accounts:
        known_accounts = ", ".join(config.accounts)
        raise MethodFailed(INVALID_PARAMS, f"to: {to.channel} has no account {to.account!r}, it has {known_accounts}")
    problem = desk.id_problem(to.channel, "peer", to.chat)
    if problem is None and to.thread is not None:
        problem = desk.id_problem(to.channel, "thread", to.thread)
    if problem is not None:
        raise MethodFailed(INVALID_PARAMS, f"to: {problem}")
    return Destination(to.channel, to.account, to.chat, to.thread)


async def _find(desk: Desk, prefix: str) -> Job:
    job = await desk.jobs.find(prefix)
    if job is None:
        words = f"no single job has the name {prefix!r} or an id that begins so: see cron list"
        raise MethodFailed(NOT_FOUND, words)
    return job


def _tell(desk: Desk) -> None:
    if desk.running is not None:
        desk.running.jobs_changed()


def _view(job: Job) -> JobView:
    return cast("JobView", job_json(job))
