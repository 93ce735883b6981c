"""Reminders that people set, see and cancel in their chat."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from bot import words
from bot.catalogue import Catalogue
from bot.command import Call, Reply
from bot.jobs.job import Job, JobRequest
from bot.jobs.store import PER_USER, JobStore
from bot.jobs.wording import Reminder, read_reminder
from bot.titles import title_of
from channels.message import Button, InboundMessage
from channels.port import Suggestion


class Reminders:
    """Jobs of a chat. `zone` is the one that people mean; `changed` is called when the jobs are to be looked at."""

    def __init__(self, jobs: JobStore, catalogue: Catalogue, zone: ZoneInfo, changed: Callable[[], None]) -> None:
        self._jobs = jobs
        self._catalogue = catalogue
        self._zone = zone
        self._changed = changed

    def read(self, call: Call) -> Reminder | None:
        """The reminder that the words ask for, counted from when they were written; None where they are none."""
        return read_reminder(call.arguments, call.message.sent_at, self._zone)

    def make(self, call: Call) -> Reply:
        """Set the reminder that the words ask for."""
        say, reminder = self._catalogue.say, self.read(call)
        if reminder is None:
            return Reply(say(call.language, words.REMINDER_OVER))
        request = JobRequest(
            name=title_of(reminder.text),
            schedule=reminder.schedule,
            zone=self._zone,
            action="say",
            text=say(call.language, words.REMINDER, text=reminder.text),
            agent=call.agent,
            destination=call.message.origin,
            language=call.language,
            requester=call.requester,
        )
        try:
            job_id, due, statement = self._jobs.add(request)
        except ValueError:
            return Reply(say(call.language, words.REMINDER_OVER))
        return Reply(
            say(call.language, words.REMINDER_SET, text=reminder.text, when=_when(due, request), job=job_id),
            (statement,),
            self._changed,
            say(call.language, words.TOO_MANY_REMINDERS, count=PER_USER),
            (Button(say(call.language, words.BUTTON_CANCEL), f"/cancel {job_id}"),),
        )

    async def listed(self, call: Call, most: int) -> str:
        """The chat's reminders, the next one first; empty where there is none."""
        lines = [
            self._catalogue.say(
                call.language,
                words.REMINDERS_LINE,
                text=job.request.name,
                when=_when(job.next_due, job.request),
                job=job.id,
            )
            for job in await self._jobs.of_chat(call.message.origin, most)
        ]
        return "\n".join([self._catalogue.say(call.language, words.REMINDERS_HEADER), *lines]) if lines else ""

    async def cancel(self, call: Call) -> Reply:
        """End the reminder that the arguments name."""
        job = await self._jobs.find(call.arguments.split()[0])
        missing = self._catalogue.say(call.language, words.TASK_NOT_FOUND, task=call.arguments)
        if job is None or not _is_here(job, call.message):
            return Reply(missing)
        done = self._catalogue.say(call.language, words.REMINDER_CANCELLED, text=job.request.name)
        return Reply(done, (self._jobs.remove(job.id),), self._changed, missing)

    async def suggest(self, call: Call, most: int) -> list[Suggestion]:
        """The chat's reminders whose name or id holds what was typed."""
        typed = call.arguments.strip().casefold()
        return [
            Suggestion(f"⏰ {job.request.name}", job.id)
            for job in await self._jobs.of_chat(call.message.origin, most)
            if typed in job.request.name.casefold() or typed in job.id
        ]


def _is_here(job: Job, message: InboundMessage) -> bool:
    """Nobody ends what belongs to another chat."""
    to, origin = job.request.destination, message.origin
    return (to.channel, to.account, to.chat) == (origin.channel, origin.account, origin.chat)


def _when(due: datetime | None, request: JobRequest) -> str:
    """`2026-12-01 09:00 (Asia/Taipei)`, with the schedule of one that comes again."""
    told = "–" if due is None else f"{due.astimezone(request.zone):%Y-%m-%d %H:%M} ({request.zone.key})"
    line = str(request.schedule)
    return told if line.startswith("at ") else f"{told} · {line}"
