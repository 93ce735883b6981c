"""The six checks, and the clock's odd days."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.heartbeat.checks import (
    HeartbeatFacts,
    Rhythm,
    Verdict,
    alert_digest,
    check,
    is_actionable,
    is_active,
    is_silence,
    next_opening,
)

TAIPEI = ZoneInfo("Asia/Taipei")
NEW_YORK = ZoneInfo("America/New_York")
DAYTIME = Rhythm(timedelta(hours=1), time(8), time(22), TAIPEI)
NOON = datetime(2026, 3, 2, 12, tzinfo=TAIPEI)
READY = HeartbeatFacts(now=NOON, content="- [ ] water the plants", last_run=None)


def test_heartbeat_runs_when_nothing_stands_in_its_way() -> None:
    assert check(READY, DAYTIME) == Verdict(True)


def test_checks_fail_in_their_order_with_their_reasons() -> None:
    worst = HeartbeatFacts(
        now=NOON.replace(hour=23),
        content=None,
        last_run=NOON.replace(hour=22, minute=50),
        user_waits=True,
        running=True,
    )
    repairs = [
        {"content": "# nothing"},
        {"last_run": None},
        {"now": NOON},
        {"content": "do it"},
        {"user_waits": False},
        {"running": False},
    ]
    reasons = [check(worst, DAYTIME).reason]
    for repair in repairs:
        worst = replace(worst, **repair)  # type: ignore[arg-type]
        reasons.append(check(worst, DAYTIME).reason)
    assert reasons == [
        "disabled (no HEARTBEAT.md)",
        "interval not elapsed",
        "outside active hours",
        "HEARTBEAT.md has no actionable content",
        "main lane busy (user message in progress)",
        "heartbeat already running",
        None,
    ]


def test_wake_skips_the_interval_check_alone() -> None:
    early = replace(READY, last_run=NOON - timedelta(minutes=1))
    assert not check(early, DAYTIME).run
    assert check(replace(early, woken=True), DAYTIME).run
    for hindrance in ({"content": None}, {"content": ""}, {"user_waits": True}, {"running": True}):
        assert not check(replace(early, woken=True, **hindrance), DAYTIME).run
    assert not check(replace(early, woken=True, now=NOON.replace(hour=7)), DAYTIME).run


def test_interval_has_elapsed_at_its_very_end() -> None:
    assert check(replace(READY, last_run=NOON - timedelta(hours=1)), DAYTIME).run


def test_last_run_in_the_future_does_not_hold_the_heartbeat() -> None:
    assert check(replace(READY, last_run=NOON + timedelta(days=400)), DAYTIME).run


def test_interval_that_ends_at_night_waits_for_the_morning() -> None:
    late = NOON.replace(hour=21, minute=30)
    verdict = check(replace(READY, now=late, last_run=late), DAYTIME)
    assert verdict.reason == "interval not elapsed"
    assert verdict.next_possible == NOON.replace(day=3, hour=8)


@pytest.mark.parametrize(
    ("start", "end", "wall", "active"),
    [
        (time(8), time(22), time(8), True),
        (time(8), time(22), time(7, 59, 59), False),
        (time(8), time(22), time(21, 59, 59, 999999), True),
        (time(8), time(22), time(22), False),
        (time(22), time(6), time(22), True),
        (time(22), time(6), time(2), True),
        (time(22), time(6), time(6), False),
        (time(22), time(6), time(12), False),
        (time(8), time(0), time(23, 59), True),
        (time(8), time(0), time(0), False),
        (time(9), time(9), time(3), True),
    ],
)
def test_hours_include_their_start_and_not_their_end(start: time, end: time, wall: time, *, active: bool) -> None:
    rhythm = replace(DAYTIME, start=start, end=end)
    assert is_active(datetime.combine(NOON.date(), wall, TAIPEI), rhythm) is active


@pytest.mark.parametrize(
    ("start", "end", "moment", "opening"),
    [
        # 2026-03-08 02:00 becomes 03:00: an hour that starts in the gap begins at its end.
        (time(2, 30), time(5), "2026-03-08T06:00+00:00", "2026-03-08T07:00+00:00"),
        # 2026-11-01 02:00 becomes 01:00: hours that ended at 01:30 come back for half an hour.
        (time(0), time(1, 30), "2026-11-01T05:40+00:00", "2026-11-01T06:00+00:00"),
        # The day is 23 or 25 hours long, and 08:00 stays 08:00.
        (time(8), time(22), "2026-03-08T03:30+00:00", "2026-03-08T12:00+00:00"),
        (time(8), time(22), "2026-11-01T02:30+00:00", "2026-11-01T13:00+00:00"),
    ],
)
def test_hours_open_as_the_wall_clock_shows_when_clocks_are_changed(
    start: time, end: time, moment: str, opening: str
) -> None:
    rhythm = Rhythm(timedelta(hours=1), start, end, NEW_YORK)
    assert next_opening(datetime.fromisoformat(moment), rhythm) == datetime.fromisoformat(opening)


zones = st.sampled_from(
    [
        "UTC",
        "Asia/Taipei",
        "America/New_York",
        "Europe/Dublin",
        "Australia/Lord_Howe",  # half an hour of summer time
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "Pacific/Apia",  # skipped a day
        "America/St_Johns",
    ]
).map(ZoneInfo)
minutes = st.integers(0, 1439).map(lambda minute: time(minute // 60, minute % 60))
rhythms = st.builds(Rhythm, st.integers(1, 3000).map(lambda n: timedelta(minutes=n)), minutes, minutes, zones)
# Seconds since 1970, from 2008 to 2035: rules of summer time beyond are the same every year.
instants = st.integers(1_200_000_000, 2_050_000_000).map(lambda second: datetime.fromtimestamp(second, UTC))


@given(rhythms, instants, st.lists(st.floats(0, 1, exclude_max=True), max_size=20))
@example(
    Rhythm(timedelta(hours=1), time(8), time(9), ZoneInfo("Pacific/Apia")),
    datetime(2011, 12, 30, 3, tzinfo=UTC),
    [0.25, 0.5, 0.75, 0.999],
)
def test_next_opening_is_active_and_nothing_before_it_is(rhythm: Rhythm, moment: datetime, shares: list[float]) -> None:
    opening = next_opening(moment, rhythm)
    assert opening >= moment
    assert is_active(opening, rhythm)
    wait = opening - moment
    assert wait <= timedelta(hours=49)
    just_before = opening - timedelta(microseconds=1)
    assert wait == timedelta(0) or not is_active(just_before, rhythm)
    for share in shares:
        between = moment + wait * share
        assert between >= opening or not is_active(between, rhythm)


@given(rhythms, instants, st.one_of(st.none(), instants), st.integers(0, 5000))
def test_next_possible_passes_the_clock_checks_and_no_earlier_second_does(
    rhythm: Rhythm, now: datetime, long_ago: datetime | None, minutes_ago: int
) -> None:
    last_run = long_ago or now - timedelta(minutes=minutes_ago)
    facts = replace(READY, now=now, last_run=last_run)
    verdict = check(facts, rhythm)
    if verdict.run:
        assert verdict.next_possible is None
        return
    assert verdict.next_possible is not None
    assert verdict.next_possible > now
    assert check(replace(facts, now=verdict.next_possible), rhythm).run
    assert not check(replace(facts, now=verdict.next_possible - timedelta(microseconds=1)), rhythm).run


@given(rhythms, instants, zones)
def test_zone_in_which_the_moment_is_told_changes_nothing(rhythm: Rhythm, now: datetime, zone: ZoneInfo) -> None:
    facts = replace(READY, now=now, last_run=now - timedelta(minutes=30))
    assert check(facts, rhythm) == check(replace(facts, now=now.astimezone(zone)), rhythm)


@pytest.mark.parametrize(
    "content",
    [
        "",
        " \n\t\n",
        "# Heartbeat\n\n## Tasks",
        "#",
        "\ufeff# Heartbeat",
        "<!-- one line -->",
        "<!-- over\nmany\n- [ ] lines -->\n# x",
        "# x <!-- note -->\n<!-- never closed\ndo it",
        "- [ ]\n* [x]\n+ []\n-\n1.\n2) [ ]\n  - [ ]",
        "---\n***\n- - -",
    ],
)
def test_file_with_nothing_to_do_is_not_actionable(content: str) -> None:
    assert not is_actionable(content)


@pytest.mark.parametrize(
    "content",
    ["check mail", "- [ ] check mail", "- [x] checked", "1. a", "#hashtag", "<!-- a -->b", "# x\n看郵件", "5"],
)
def test_file_with_a_word_to_do_is_actionable(content: str) -> None:
    assert is_actionable(content)


@given(st.text(alphabet="<!-> #\n[]x*1.)", max_size=200))
def test_adding_a_task_makes_any_file_without_comments_actionable(content: str) -> None:
    assert is_actionable(content.replace("<!--", "") + "\n\ncheck mail")


def test_hostile_file_is_judged_at_once() -> None:
    for piece in ("<!--", "- ", "-", "1", "1.", "[ ", "# ", "\n"):
        is_actionable(piece * (100_000 // len(piece)) + "!")


@pytest.mark.parametrize(
    ("answer", "silent"),
    [
        ("HEARTBEAT_OK", True),
        ("  **HEARTBEAT_OK**.\n", True),
        ("HEARTBEAT_OK nothing new", True),
        ("Nothing new.\n\nHEARTBEAT_OK", True),
        ("HEARTBEAT_OK " + "x" * 300, True),
        ("HEARTBEAT_OK " + "x" * 301, False),
        ("x" * 301 + " HEARTBEAT_OK", False),
        ("一切正常HEARTBEAT_OK", True),
        ("The disk is full", False),
        ("I would say HEARTBEAT_OK, but the disk is full", False),
        ("HEARTBEAT_OKAY", False),
        ("NOT_HEARTBEAT_OK", False),
        ("", False),
    ],
)
def test_silence_is_the_word_at_an_edge_with_little_beside_it(answer: str, *, silent: bool) -> None:
    assert is_silence(answer) is silent


def test_alerts_differ_by_words_not_by_spaces_case_or_width() -> None:
    assert alert_digest("Disk full:  91%\n") == alert_digest("disk FULL: ９１%")
    assert alert_digest("disk full: 91%") != alert_digest("disk full: 92%")
    assert len(alert_digest("\ud800")) == 64
