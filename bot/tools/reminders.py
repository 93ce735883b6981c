"""`remind_set`, `remind_list`, `remind_cancel`: say something in this chat later."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from pydantic import Field

from bot.catalogue import Language
from bot.jobs.job import Job, JobRequest
from bot.jobs.schedule import BadSchedule, parse_schedule
from bot.jobs.store import PER_USER, JobStore
from bot.titles import is_blank, title_of
from bot.tools.built_in import Arguments, BuiltIn
from bot.tools.port import Effect, Principal, Tool, ToolFailed, ToolResult
from channels.clock import Clock

Wording = Callable[[Language, str], str]
"""The reminder as it is said: (language, text)."""


class Set(Arguments):
    text: str = Field(min_length=1, max_length=1000, description="What to remind of.")
    when: str = Field(
        max_length=100,
        description="at 2026-12-01T09:00 (the chat's own time), every 30m, or cron 0 9 * * 1-5.",
    )


class Nothing(Arguments):
    """No arguments."""


class Cancel(Arguments):
    reminder: str = Field(min_length=8, max_length=100, description="Its id, as remind_list shows it.")


def reminder_tools(
    jobs: JobStore, clock: Clock, zone: ZoneInfo, changed: Callable[[], None], wording: Wording
) -> Sequence[Tool]:
    """`zone` is the one that people mean; `changed` is told when the jobs are to be looked at."""

    async def set_one(arguments: Set, principal: Principal) -> ToolResult:
        request = _request(arguments, principal, clock.now(), zone, wording)
        if await jobs.count_of(request.requester) >= PER_USER:
            raise ToolFailed(f"this person has {PER_USER} reminders already: cancel one first")
        try:
            job_id, due, statement = jobs.add(request)
        except ValueError as error:
            raise ToolFailed(str(error)) from None
        told = f"{job_id}: set for {due.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})"
        return ToolResult(told, [Effect([replace(statement, required=False)], changed)])

    async def listed(_arguments: Nothing, principal: Principal) -> ToolResult:
        lines = [_line(job, zone) for job in await jobs.of_chat(principal.place, PER_USER)]
        return ToolResult("\n".join(lines) or "there are no reminders")

    async def cancel(arguments: Cancel, principal: Principal) -> ToolResult:
        here = {job.id for job in await jobs.of_chat(principal.place, PER_USER)}
        if arguments.reminder not in here:
            raise ToolFailed("this chat has no such reminder")
        return ToolResult("cancelled", [Effect([replace(jobs.remove(arguments.reminder), required=False)], changed)])

    return (
        BuiltIn("remind_set", "Remind the people of this chat of something later.", Set, set_one),
        BuiltIn("remind_list", "The reminders of this chat.", Nothing, listed),
        BuiltIn("remind_cancel", "Cancel a reminder of this chat.", Cancel, cancel),
    )


def _request(arguments: Set, principal: Principal, now: datetime, zone: ZoneInfo, wording: Wording) -> JobRequest:
    if is_blank(arguments.text):
        raise ToolFailed("text: say what to remind of")
    try:
        schedule = parse_schedule(arguments.when, zone, now)
    except BadSchedule as error:
        raise ToolFailed(str(error)) from None
    return JobRequest(
        name=title_of(arguments.text),
        schedule=schedule,
        zone=zone,
        action="say",
        text=wording(principal.language, arguments.text),
        agent=principal.agent,
        destination=principal.place,
        language=principal.language,
        requester=f"{principal.place.channel}:{principal.sender}",
    )


def _line(job: Job, zone: ZoneInfo) -> str:
    due = "over" if job.next_due is None else f"{job.next_due.astimezone(zone):%Y-%m-%d %H:%M}"
    return f"{job.id}: {job.request.name} ({due})"
