"""Whether the heartbeat may run now, and what its answer means: pure, and free of any cost."""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

TOKEN: Final = "HEARTBEAT_OK"  # noqa: S105 - the model's word for silence, no secret
SILENT_CHARACTERS: Final = 300

_COMMENT: Final = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEADING: Final = re.compile(r"#{1,6}(?:\s|\Z)")
_EMPTY_ITEM: Final = re.compile(r"(?:(?:[-*+]|\d{1,9}[.)])\s*)*(?:\[[ xX]?\])?")


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often and when. `start` belongs to the active hours, `end` does not; both are wall times in `zone`.

    A start after the end means hours that pass midnight; equal ones mean the whole day.
    """

    interval: timedelta
    start: time
    end: time
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class HeartbeatFacts:
    """What is so at this moment.

    `content` is HEARTBEAT.md, None where there is none; `last_run` None means never. `woken` is true when
    somebody asked for a run; `user_waits` while a user's message is in progress.
    """

    now: datetime
    content: str | None
    last_run: datetime | None
    woken: bool = False
    user_waits: bool = False
    running: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """Run or not. `reason` is None when it runs.

    `next_possible` is when the clock stops standing in the way (UTC); None where it does not stand in the way.
    """

    run: bool
    reason: str | None = None
    next_possible: datetime | None = None


def check(facts: HeartbeatFacts, rhythm: Rhythm) -> Verdict:
    """The six checks in their order; the first that fails gives the reason."""
    now = facts.now.astimezone(UTC)
    due = now if facts.woken else _due(facts.last_run, now, rhythm.interval)
    hindrances: Sequence[tuple[bool, str, datetime | None]] = (
        (facts.content is None, "disabled (no HEARTBEAT.md)", None),
        (due > now, "interval not elapsed", due),
        (not is_active(now, rhythm), "outside active hours", now),
        (not is_actionable(facts.content or ""), "HEARTBEAT.md has no actionable content", None),
        (facts.user_waits, "main lane busy (user message in progress)", None),
        (facts.running, "heartbeat already running", None),
    )
    for hinders, reason, earliest in hindrances:
        if hinders:
            return Verdict(False, reason, next_opening(earliest, rhythm) if earliest else None)
    return Verdict(True)


def _due(last_run: datetime | None, now: datetime, interval: timedelta) -> datetime:
    # A last run in the future means that the clock was set back; waiting for it could take years.
    return now if last_run is None or last_run > now else last_run.astimezone(UTC) + interval


def is_active(moment: datetime, rhythm: Rhythm) -> bool:
    """Whether the wall clock in the rhythm's zone shows active hours at `moment` (aware)."""
    wall = moment.astimezone(rhythm.zone).time()
    if rhythm.start < rhythm.end:
        return rhythm.start <= wall < rhythm.end
    return wall >= rhythm.start or wall < rhythm.end


def next_opening(moment: datetime, rhythm: Rhythm) -> datetime:
    """The first instant from `moment` on that lies in active hours, in UTC; `moment` itself where it does.

    Clocks that are put forward or back can open the hours by themselves, so each change on the way is looked at.
    """
    moment = moment.astimezone(UTC)
    while not is_active(moment, rhythm):
        wall = moment.astimezone(rhythm.zone).replace(tzinfo=None)
        opening = datetime.combine(wall.date(), rhythm.start)
        if opening <= wall:
            opening += timedelta(days=1)
        landing = moment + (opening - wall)
        moment = _first_change(moment, landing, rhythm.zone) or landing
    return moment


def _first_change(after: datetime, until: datetime, zone: ZoneInfo) -> datetime | None:
    """The second at which the zone's offset changes between two instants in UTC; None when it stays."""

    def offset(moment: datetime) -> timedelta | None:
        return moment.astimezone(zone).utcoffset()

    if offset(after) == offset(until):
        return None
    second = timedelta(seconds=1)
    before, changed = after.replace(microsecond=0), until
    while changed - before > second:
        middle = before + (changed - before) // 2 // second * second
        if offset(middle) == offset(after):
            before = middle
        else:
            changed = middle
    return changed


def is_actionable(content: str) -> bool:
    """Whether HEARTBEAT.md holds more than blank lines, headings, comments, empty list items and checkboxes."""
    lines = (line.strip() for line in _COMMENT.sub("", content.lstrip("\ufeff")).splitlines())
    return any(not _HEADING.match(line) and not _EMPTY_ITEM.fullmatch(line) for line in lines)


def is_silence(answer: str) -> bool:
    """Whether the answer says that there is nothing to say: HEARTBEAT_OK at its start or end, and at most
    SILENT_CHARACTERS beside it."""
    text = answer.strip(" \t\r\n*_`'\".!。！")
    at_start = re.match(rf"{TOKEN}(?!\w)", text, re.ASCII)
    at_end = re.search(rf"(?<!\w){TOKEN}\Z", text, re.ASCII)
    rest = text.removeprefix(TOKEN).removesuffix(TOKEN).strip()
    return bool(at_start or at_end) and len(rest) <= SILENT_CHARACTERS


def alert_digest(text: str) -> str:
    """64 hex digits, the same for alerts that differ in nothing but spaces, letter case and character width."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
