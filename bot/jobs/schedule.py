"""When a job is due: pure, from a line such as `cron 0 9 * * 1-5` and a zone to moments.

Weekdays are crontab's (0 and 7 are Sunday; APScheduler counts from Monday), and a day of the month beside a weekday
means either of them, unless one begins with `*`, as in crontab (https://man7.org/linux/man-pages/man5/crontab.5.html).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from typing_extensions import override

SHORTEST: Final = timedelta(minutes=1)
LONGEST: Final = timedelta(days=3660)
UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_INTERVAL: Final = re.compile(r"(\d{1,9})\s*([smhdw])")
_FIELD: Final = re.compile(r"[0-9a-z*,/-]{1,100}")


class BadSchedule(ValueError):
    """A schedule that says nothing; the text says what would."""


class Schedule(Protocol):
    """Due times of one job. `str()` gives the line that `parse_schedule` reads."""

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        """The first due time (UTC) later than `moment`; None when there is none. `anchor`: when the job was made."""
        ...


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    moment: datetime

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:  # noqa: ARG002 - a port's shape
        return self.moment if self.moment > moment else None

    @override
    def __str__(self) -> str:
        return f"at {self.moment.isoformat(timespec='seconds')}"


@dataclass(frozen=True, slots=True)
class Every:
    """Again and again, counted in real time from the moment at which the job was made."""

    interval: timedelta

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:
        if moment < anchor:
            return anchor + self.interval
        return anchor + ((moment - anchor) // self.interval + 1) * self.interval

    @override
    def __str__(self) -> str:
        seconds = round(self.interval.total_seconds())
        unit = next(unit for unit in ("w", "d", "h", "m", "s") if seconds % UNITS[unit] == 0)
        return f"every {seconds // UNITS[unit]}{unit}"


@dataclass(frozen=True, slots=True)
class Cron:
    """By the wall clock in `zone`.

    A job at fixed hours is due once a day also where clocks are put forward (then at the first moment after the
    gap) or back (then the first time); one at every hour follows the clock as it is.
    """

    line: str
    zone: ZoneInfo
    _triggers: Sequence[CronTrigger] = field(repr=False, compare=False)

    def next_after(self, moment: datetime, anchor: datetime) -> datetime | None:  # noqa: ARG002 - a port's shape
        return min((due for trigger in self._triggers if (due := self._next(trigger, moment))), default=None)

    def _next(self, trigger: CronTrigger, moment: datetime) -> datetime | None:
        if self.line.split()[1].startswith("*"):
            asked, due = None, moment.astimezone(UTC) + timedelta(microseconds=1)
            # A wall time in a gap comes out as the moment after it, which may be none of the trigger's own.
            while due != asked:
                asked, found = due, trigger.get_next_fire_time(None, due)
                if found is None:
                    return None
                due = found.astimezone(UTC)
            return due
        # The trigger counts walls as if they were UTC, so that no wall time is skipped or repeated. A gap moves an
        # instant by at most a day: from there on the first one that is really later is looked for.
        wall = moment.astimezone(self.zone).replace(tzinfo=UTC, fold=0) - timedelta(days=1)
        while (found := trigger.get_next_fire_time(None, wall)) is not None:
            due = instant(found.replace(tzinfo=None), self.zone)
            if due > moment:
                return due
            wall = found + timedelta(microseconds=1)
        return None

    @override
    def __str__(self) -> str:
        return f"cron {self.line}"


def parse_schedule(text: str, zone: ZoneInfo, now: datetime) -> Schedule:
    """`at 2026-12-01T09:00`, `every 30m` or `cron 0 9 * * 1-5`. Raises BadSchedule."""
    kind, _, rest = text.strip().lower().partition(" ")
    rest = " ".join(rest.split())
    if kind == "at":
        return At(_moment(rest, zone))
    if kind == "every":
        return Every(_interval(rest))
    if kind == "cron":
        cron = _cron(rest, zone)
        if cron.next_after(now, now) is None:
            raise BadSchedule(f"cron {rest}: that never comes")
        return cron
    raise BadSchedule(f"{text!r} is no schedule: write at 2026-12-01T09:00, every 30m or cron 0 9 * * 1-5")


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment (UTC) of a wall time; the first of two, and the end of the gap for one that is left out."""
    aware = wall.replace(tzinfo=zone, fold=0)
    moment = aware.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    # In a gap fold=0 gives a moment after it, fold=1 one before it; gaps begin and end at whole minutes.
    end = aware.replace(fold=1, second=0, microsecond=0).astimezone(UTC)
    while end.astimezone(zone).utcoffset() != moment.astimezone(zone).utcoffset():
        end += timedelta(minutes=1)
    return end


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise BadSchedule(f"at {text!r}: write a date and a time, like 2026-12-01T09:00") from None
    moment = moment.replace(microsecond=0)
    return instant(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)


def _interval(text: str) -> timedelta:
    match = _INTERVAL.fullmatch(text)
    if match is None:
        raise BadSchedule(f"every {text!r}: write a number and one of s m h d w, like 30m")
    interval = timedelta(seconds=int(match[1]) * UNITS[match[2]])
    if not SHORTEST <= interval <= LONGEST:
        raise BadSchedule(f"every {text}: between 1m and {LONGEST.days}d")
    return interval


def _cron(line: str, zone: ZoneInfo) -> Cron:
    fields = line.split()
    if len(fields) != 5 or not all(_FIELD.fullmatch(each) for each in fields):
        raise BadSchedule(f"cron {line!r}: five fields: minute, hour, day, month, weekday, like 0 9 * * 1-5")
    minute, hour, day, month, weekday = fields
    try:
        days = ",".join(sorted(set(_weekdays(weekday)), key=WEEKDAYS.index))
        by_wall = UTC if not hour.startswith("*") else zone

        def trigger(day: str, days: str) -> CronTrigger:
            return CronTrigger(minute=minute, hour=hour, day=day, month=month, day_of_week=days, timezone=by_wall)

        either = not (day.startswith("*") or weekday.startswith("*"))
        triggers = (trigger(day, "*"), trigger("*", days)) if either else (trigger(day, days),)
    except (ValueError, IndexError) as error:
        raise BadSchedule(f"cron {line}: {error}") from None
    return Cron(line, zone, triggers)


def _weekdays(text: str) -> Iterator[str]:
    if text == "*":
        yield from WEEKDAYS
        return
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        start = 0 if span == "*" else _weekday(first)
        end = 6 if span == "*" or (slash and not dash) else _weekday(last) if dash else start
        if end < start:
            end += 7  # fri-mon
        if slash and (not step.isdecimal() or not int(step)):
            raise ValueError(f"a step is a number above 0, not {step!r}")
        for number in range(start, end + 1, int(step) if slash else 1):
            yield WEEKDAYS[number % 7]


def _weekday(text: str) -> int:
    if text in WEEKDAYS:
        return WEEKDAYS.index(text)
    if not text.isdecimal() or int(text) > 7:
        raise ValueError(f"a weekday is 0-7 (0 and 7 are Sunday) or sun to sat, not {text!r}")
    return int(text)
