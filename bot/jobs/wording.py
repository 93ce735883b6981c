"""Reminders in plain words: pure, from "10分鐘後提醒我喝水" or "remind me in 10 minutes to drink" to a schedule.

Only forms that can be read in one way are; whatever else people say is left to the agent.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bot.jobs.schedule import LONGEST, SHORTEST, At, Every, Schedule, instant, parse_schedule

MOST_CHARACTERS: Final = 1000
DIGITS: Final = {
    "半": 0.5,
    "一": 1,
    "二": 2,
    "兩": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
WEEKDAYS_ZH: Final = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "日": 0, "天": 0}
WEEKDAYS_EN: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
DAYS: Final = {"今天": 0, "今日": 0, "今晚": 0, "明天": 1, "明日": 1, "明早": 1, "明晚": 1, "後天": 2, "后天": 2}
UNITS: Final = {
    "秒": 1, "秒鐘": 1, "秒钟": 1, "分": 60, "分鐘": 60, "分钟": 60, "小時": 3600, "小时": 3600, "鐘頭": 3600,
    "钟头": 3600,    "天": 86_400, "日": 86_400, "週": 604_800, "周": 604_800, "星期": 604_800,
    "second": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86_400, "week": 604_800,
}  # fmt: skip

_NUMBER: Final = r"(?P<number>\d{1,6}|[半一二兩两三四五六七八九十]{1,3})"
_UNIT_ZH: Final = r"\s*個?个?(?P<half>半)?(?P<unit>秒鐘|秒钟|秒|分鐘|分钟|分|小時|小时|鐘頭|钟头|天|日|週|周|星期)"
_UNIT_EN: Final = r"\s*(?P<unit>second|minute|min|hour|day|week)s?"
_TIME_ZH: Final = (
    r"\s*(?P<part>凌晨|早上|上午|中午|下午|傍晚|晚上)?\s*"
    r"(?P<hour>\d{1,2}|[一二兩两三四五六七八九十]{1,3})(?:[:：](?P<minute>\d{2})|[點点時时](?:(?P<minute_zh>\d{1,2})分?|(?P<half_past>半))?)"
)
_TIME_EN: Final = r"(?:at\s+)?(?P<hour>\d{1,2})(?::(?P<minute>\d{2}))?\s*(?P<part>am|pm)?"

_Reader = Callable[[re.Match[str], datetime, ZoneInfo], Schedule | None]


@dataclass(frozen=True, slots=True)
class Reminder:
    """What somebody wants to be reminded of, and when."""

    schedule: Schedule
    text: str


def read_reminder(text: str, now: datetime, zone: ZoneInfo) -> Reminder | None:
    """None where the words are no reminder, or do not say clearly when. A moment that is over counts as tomorrow's
    where only a time of day was named."""
    text = text.strip()
    if len(text) > MOST_CHARACTERS:
        return None
    for pattern, read in _FORMS:
        match = pattern.fullmatch(text)
        if match is not None and match["what"].strip():
            try:
                schedule = read(match, now, zone)
            except (ValueError, OverflowError):
                return None
            return None if schedule is None else Reminder(schedule, match["what"].strip())
    return None


def _after(match: re.Match[str], now: datetime, _zone: ZoneInfo) -> Schedule | None:
    span = _span(match)
    return At((now + span).replace(microsecond=0)) if timedelta(0) < span <= LONGEST else None


def _every(match: re.Match[str], _now: datetime, _zone: ZoneInfo) -> Schedule | None:
    span = _span(match)
    return Every(span) if SHORTEST <= span <= LONGEST else None


def _at(match: re.Match[str], now: datetime, zone: ZoneInfo) -> Schedule | None:
    """Today, tomorrow, or whichever comes first."""
    groups, here = match.groupdict(), now.astimezone(zone)
    day = groups.get("day")
    ahead = DAYS.get(day or "", 1 if day == "tomorrow" else 0)
    part = groups.get("part") or {"今晚": "晚上", "明晚": "晚上", "明早": "早上"}.get(day or "")
    wall = datetime.combine(here.date() + timedelta(days=ahead), time()) + _since_midnight(match, part)
    moment = instant(wall, zone)
    if moment <= now and day is None:
        moment = instant(wall + timedelta(days=1), zone)
    return At(moment) if moment > now else None


def _on(match: re.Match[str], now: datetime, zone: ZoneInfo) -> Schedule | None:
    """On a date; one without its year is the next of its kind."""
    here = now.astimezone(zone)
    year, month, day = match["year"], int(match["month"]), int(match["date"])
    wall = datetime(int(year or here.year), month, day) + _since_midnight(match, match["part"])  # noqa: DTZ001 - a wall time
    if year is None and instant(wall, zone) <= now:
        wall = wall.replace(year=here.year + 1)
    moment = instant(wall, zone)
    return At(moment) if moment > now else None


def _regularly(match: re.Match[str], now: datetime, zone: ZoneInfo) -> Schedule | None:
    minutes = _since_midnight(match, match["part"]) // timedelta(minutes=1)
    days_later, minutes = divmod(minutes, 24 * 60)
    days = _days(match["which"].lower(), days_later)
    return parse_schedule(f"cron {minutes % 60} {minutes // 60} * * {days}", zone, now)


def _days(which: str, later: int) -> str:
    """crontab's weekdays, `later` by so many days (one at most)."""
    if which in {"每天", "每日", "day"}:
        return "*"
    if which in {"平日", "工作日", "weekday"}:
        return f"{1 + later}-{5 + later}"
    weekday = WEEKDAYS_EN.index(which) if which in WEEKDAYS_EN else WEEKDAYS_ZH[which[-1]]
    return str((weekday + later) % 7)


def _span(match: re.Match[str]) -> timedelta:
    number = _number(match["number"])
    if match.groupdict().get("half"):
        number += 0.5
    return timedelta(seconds=number * UNITS[match["unit"].lower()])


def _since_midnight(match: re.Match[str], part: str | None) -> timedelta:
    """The time of day; twelve at night ends its day. Raises ValueError for none, and for one that is not clear."""
    groups = match.groupdict()
    hour = int(_number(groups["hour"]))
    minute = 30 if groups.get("half_past") else int(groups.get("minute") or groups.get("minute_zh") or 0)
    if part == "晚上" and hour in {0, 12, 24}:
        return timedelta(days=1, minutes=time(0, minute).minute)
    if (part == "晚上" and hour < 5) or (part == "中午" and not (hour < 4 or 11 <= hour < 14)):
        raise ValueError("past midnight, or not at noon")
    if (part in {"下午", "傍晚", "晚上", "pm"} and hour < 12) or (part == "中午" and hour < 11):
        hour += 12
    elif part in {"凌晨", "am"} and hour == 12:
        hour = 0
    at = time(hour, minute)
    return timedelta(hours=at.hour, minutes=at.minute)


def _number(text: str) -> float:
    if text.isdecimal():
        return int(text)
    tens, ten, ones = text.partition("十")
    if not ten:
        return DIGITS[text]
    return 10 * (DIGITS[tens] if tens else 1) + (DIGITS[ones] if ones else 0)


def _forms() -> list[tuple[re.Pattern[str], _Reader]]:
    day = r"(?P<day>今天|今日|今晚|明天|明日|明早|明晚|後天|后天)?"
    date = r"(?:(?P<year>20\d\d)[年/-])?(?P<month>\d{1,2})[月/-](?P<date>\d{1,2})[日號号]?"
    which = r"(?P<which>每天|每日|平日|工作日|每(?:週|周|星期)[一二三四五六日天])"
    chinese: list[tuple[str, _Reader]] = [
        (_NUMBER + _UNIT_ZH + r"(?:之?後|之?后|以後|以后)", _after),
        (r"每隔?" + _NUMBER + _UNIT_ZH, _every),
        (which + _TIME_ZH, _regularly),
        (day + _TIME_ZH, _at),
        (date + _TIME_ZH, _on),
    ]
    weekday = r"(?P<which>day|weekday|" + "|".join(WEEKDAYS_EN) + ")"
    iso = r"(?:on\s+)?(?P<year>20\d\d)-(?P<month>\d{1,2})-(?P<date>\d{1,2})"
    english: list[tuple[str, _Reader]] = [
        (r"in\s+" + _NUMBER + _UNIT_EN, _after),
        (r"every\s+" + _NUMBER + _UNIT_EN, _every),
        (r"every\s+" + weekday + r"\s+" + _TIME_EN, _regularly),
        (r"(?P<day>today|tomorrow)\s+" + _TIME_EN, _at),
        (r"(?=at\s)" + _TIME_EN, _at),
        (iso + r"\s+" + _TIME_EN, _on),
    ]
    what, please = r"(?P<what>.+)", r"(?:請|请)?"
    forms = []
    for when, read in chinese:
        forms.append((rf"{please}提醒我\s*{when}\s*[，,]?\s*{what}", read))
        forms.append((rf"{when}\s*[，,]?\s*{please}提醒我\s*[，,：:]?\s*{what}", read))
    for when, read in english:
        forms.append((rf"(?:please\s+)?remind me\s+{when}\s*,?\s+(?:to|about|that)\s+{what}", read))
        forms.append((rf"(?:please\s+)?remind me\s+(?:to|about|that)\s+{what}\s+{when}", read))
    return [(re.compile(pattern, re.IGNORECASE | re.DOTALL), read) for pattern, read in forms]


_FORMS: Final = _forms()
