"""Due times: crontab's weekdays, zones, gaps and folds of the clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.schedule import BadSchedule, Schedule, instant, parse_schedule

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [ZoneInfo(name) for name in ("UTC", "America/New_York", "Asia/Taipei", "Australia/Lord_Howe", "Europe/London")]
FORWARD = datetime(2026, 3, 7, 22, tzinfo=NEW_YORK).astimezone(UTC)
BACK = datetime(2026, 10, 31, 22, tzinfo=NEW_YORK).astimezone(UTC)


def due_times(line: str, start: datetime, count: int, zone: ZoneInfo = NEW_YORK) -> list[str]:
    schedule, moment, found = parse_schedule(line, zone, start), start, []
    for _ in range(count):
        due = schedule.next_after(moment, start)
        assert due is not None
        found.append(f"{due.astimezone(zone):%a %d %H:%M%z}")
        moment = due
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cron 30 2 * * *", ["Sun 08 03:00-0400", "Mon 09 02:30-0400"]),  # 02:30 is left out that night
        ("cron 30 1 * * *", ["Sun 08 01:30-0500", "Mon 09 01:30-0400"]),
        ("cron 0 2,3 * * *", ["Sun 08 03:00-0400", "Mon 09 02:00-0400"]),  # one moment, once
        ("cron 0 * * * *", ["Sat 07 23:00-0500", "Sun 08 00:00-0500", "Sun 08 01:00-0500", "Sun 08 03:00-0400"]),
        ("cron 15 */2 * * *", ["Sat 07 22:15-0500", "Sun 08 00:15-0500", "Sun 08 04:15-0400"]),
        ("every 6h", ["Sun 08 05:00-0400", "Sun 08 11:00-0400"]),
    ],
)
def test_clocks_put_forward(line: str, expected: list[str]) -> None:
    assert due_times(line, FORWARD, len(expected)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("cron 30 1 * * *", ["Sun 01 01:30-0400", "Mon 02 01:30-0500"]),  # 01:30 comes twice that night
        ("cron 0 * * * *", ["Sat 31 23:00-0400", "Sun 01 00:00-0400", "Sun 01 01:00-0400", "Sun 01 01:00-0500"]),
        ("every 6h", ["Sun 01 03:00-0500", "Sun 01 09:00-0500"]),
    ],
)
def test_clocks_put_back(line: str, expected: list[str]) -> None:
    assert due_times(line, BACK, len(expected)) == expected


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("0", ["Sun"]),
        ("7", ["Sun"]),
        ("1-5", ["Mon", "Tue", "Wed", "Thu", "Fri"]),
        ("fri-mon", ["Mon", "Fri", "Sat", "Sun"]),
        ("5-7", ["Fri", "Sat", "Sun"]),
        ("*/2", ["Tue", "Thu", "Sat", "Sun"]),
        ("1,3", ["Mon", "Wed"]),
    ],
)
def test_weekdays_are_those_of_crontab(weekday: str, days: list[str]) -> None:
    monday = datetime(2026, 6, 1, tzinfo=UTC)
    found = [each[:3] for each in due_times(f"cron 0 9 * * {weekday}", monday, len(days), ZoneInfo("UTC"))]
    assert found == days


def test_a_day_beside_a_weekday_means_either() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert due_times("cron 0 0 3 * 5", start, 3, ZoneInfo("UTC")) == [
        "Wed 03 00:00+0000",
        "Fri 05 00:00+0000",
        "Fri 12 00:00+0000",
    ]


def test_a_step_of_days_beside_a_weekday_means_both() -> None:
    start = datetime(2026, 6, 1, tzinfo=UTC)
    assert due_times("cron 0 9 */2 * 1-5", start, 4, ZoneInfo("UTC")) == [
        "Mon 01 09:00+0000",
        "Wed 03 09:00+0000",
        "Fri 05 09:00+0000",
        "Tue 09 09:00+0000",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "daily", "", "at noon", "at 2026-13-01", "every 5s", "every 30", "every 9999999d", "cron * * * *",
        "cron 61 * * * *", "cron 0 0 * * 8", "cron 0 0 * * 1/0", "cron 0 0 30 2 *", "cron 0 0 * * mon-",
        "cron a b c d e",
    ],
)  # fmt: skip
def test_what_is_no_schedule_is_told(line: str) -> None:
    with pytest.raises(BadSchedule):
        parse_schedule(line, NEW_YORK, FORWARD)


def test_at_is_due_once_in_its_zone() -> None:
    schedule = parse_schedule("at 2026-12-01T09:00", ZoneInfo("Asia/Taipei"), FORWARD)
    due = schedule.next_after(FORWARD, FORWARD)
    assert due == datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert schedule.next_after(due, FORWARD) is None


LINES = st.one_of(
    st.builds("every {}{}".format, st.integers(1, 90), st.sampled_from("mhd")),
    st.builds(
        "cron {} {} {} * {}".format,
        st.sampled_from(["0", "30", "*/15", "59"]),
        st.sampled_from(["*", "1", "2", "0-3", "1,2,3", "*/5", "23"]),
        st.sampled_from(["*", "1", "*/7"]),
        st.sampled_from(["*", "0", "1-5", "6,7"]),
    ),
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive


@given(LINES, st.sampled_from(ZONES), MOMENTS)
def test_the_next_time_is_later_and_none_lies_between(line: str, zone: ZoneInfo, moment: datetime) -> None:
    schedule: Schedule = parse_schedule(line, zone, moment)
    due = schedule.next_after(moment, moment)
    assert due is not None
    assert due > moment
    assert due.tzinfo is UTC
    halfway = moment + (due - moment) / 2
    assert schedule.next_after(halfway, moment) == due
    assert schedule.next_after(due - timedelta(microseconds=1), moment) == due
    assert str(parse_schedule(str(schedule), zone, moment)) == str(schedule)


@given(st.sampled_from(ZONES), st.sampled_from([FORWARD, BACK]), st.integers(0, 1439))
def test_a_fixed_hour_is_due_once_a_day_whatever_the_clocks_do(zone: ZoneInfo, start: datetime, minute: int) -> None:
    schedule = parse_schedule(f"cron {minute % 60} {minute // 60} * * *", zone, start)
    moment, days = start, []
    while (due := schedule.next_after(moment, start)) and due < start + timedelta(days=40):
        days.append(due.astimezone(zone).date())
        moment = due
    assert len(days) == len(set(days))
    assert len(days) in {39, 40, 41}


@given(st.sampled_from(ZONES), st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))  # noqa: DTZ001 - wall times
def test_every_wall_time_has_one_moment_at_or_after_it(zone: ZoneInfo, wall: datetime) -> None:
    wall = wall.replace(microsecond=0)
    shown = instant(wall, zone).astimezone(zone).replace(tzinfo=None)
    assert timedelta(0) <= shown - wall <= timedelta(hours=1)
