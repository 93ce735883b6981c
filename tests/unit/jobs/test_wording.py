"""Reminders in three languages: what is read, and what is left to the agent."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.wording import read_reminder

TAIPEI = ZoneInfo("Asia/Taipei")
NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)  # Saturday, 12:00 in Taipei


@pytest.mark.parametrize(
    ("words", "when", "what"),
    [
        ("10分鐘後提醒我喝水", "11-21 12:10", "喝水"),
        ("提醒我 10分鐘後 喝水", "11-21 12:10", "喝水"),
        ("请提醒我10分钟后喝水", "11-21 12:10", "喝水"),
        ("提醒我半小時後開會", "11-21 12:30", "開會"),
        ("兩個半小時後，提醒我關火", "11-21 14:30", "關火"),
        ("十五天後提醒我繳費", "12-06 12:00", "繳費"),
        ("提醒我明天早上9點開會", "11-22 09:00", "開會"),
        ("明天下午3點半提醒我交報告", "11-22 15:30", "交報告"),
        ("今晚八點提醒我倒垃圾", "11-21 20:00", "倒垃圾"),
        ("11點提醒我睡覺", "11-22 11:00", "睡覺"),
        ("晚上11點提醒我睡覺", "11-21 23:00", "睡覺"),
        ("晚上12點提醒我睡覺", "11-22 00:00", "睡覺"),
        ("今晚十二點半提醒我關燈", "11-22 00:30", "關燈"),
        ("提醒我明晚0點開搶", "11-23 00:00", "開搶"),
        ("12月25日晚上12點提醒我拆禮物", "12-26 00:00", "拆禮物"),
        ("明天中午1點提醒我吃飯", "11-22 13:00", "吃飯"),
        ("明天中午11點半提醒我訂飯", "11-22 11:30", "訂飯"),
        ("12月25日10:00提醒我送禮", "12-25 10:00", "送禮"),
        ("remind me in 10 minutes to drink water", "11-21 12:10", "drink water"),
        ("Remind me to call home tomorrow at 9am", "11-22 09:00", "call home"),
        ("please remind me at 18:30 to leave", "11-21 18:30", "leave"),
        ("remind me at 12 am to sleep", "11-22 00:00", "sleep"),
        ("remind me on 2026-12-24 at 18:00 to wrap the gifts", "12-24 18:00", "wrap the gifts"),
    ],
)
def test_once(words: str, when: str, what: str) -> None:
    reminder = read_reminder(words, NOON, TAIPEI)
    assert reminder is not None
    due = reminder.schedule.next_after(NOON, NOON)
    assert due is not None
    assert (f"{due.astimezone(TAIPEI):%m-%d %H:%M}", reminder.text) == (when, what)
    assert reminder.schedule.next_after(due, NOON) is None


@pytest.mark.parametrize(
    ("words", "line", "what"),
    [
        ("每天8:00提醒我吃藥", "cron 0 8 * * *", "吃藥"),
        ("每週一 9點提醒我週會", "cron 0 9 * * 1", "週會"),
        ("每天晚上12點提醒我備份", "cron 0 0 * * *", "備份"),
        ("每週日晚上12點半提醒我備份", "cron 30 0 * * 1", "備份"),
        ("平日晚上12點提醒我備份", "cron 0 0 * * 2-6", "備份"),
        ("平日下午5點半提醒我下班", "cron 30 17 * * 1-5", "下班"),
        ("提醒我每隔30分鐘站起來", "every 30m", "站起來"),
        ("remind me every day at 8 to stretch", "cron 0 8 * * *", "stretch"),
        ("remind me every monday at 9:15 to report", "cron 15 9 * * 1", "report"),
        ("remind me every 2 hours to look up", "every 2h", "look up"),
    ],
)
def test_again_and_again(words: str, line: str, what: str) -> None:
    reminder = read_reminder(words, NOON, TAIPEI)
    assert reminder is not None
    assert (str(reminder.schedule), reminder.text) == (line, what)


@pytest.mark.parametrize(
    "words",
    [
        "提醒我買牛奶",
        "提醒我5個蘋果",
        "提醒我25點睡覺",
        "今天早上9點提醒我開會",  # over
        "今晚1點提醒我看球",  # after midnight, of which day
        "明天中午5點提醒我吃飯",
        "remind me to buy 3",
        "remind me about the party",
        "remind me in 0 minutes to go",
        "remind me every 5 seconds to blink",
        "你可以10分鐘後提醒我喝水嗎，還是算了",
        "in 10 minutes",
        "",
    ],
)
def test_what_is_not_clear_is_left_to_the_agent(words: str) -> None:
    assert read_reminder(words, NOON, TAIPEI) is None


@given(st.text(max_size=300), st.sampled_from(["提醒我{}", "{}提醒我喝水", "remind me {} to go", "remind me to go {}"]))
def test_no_text_breaks_it(text: str, form: str) -> None:
    reminder = read_reminder(form.format(text), NOON, TAIPEI)
    if reminder is not None:
        assert reminder.text
        assert reminder.schedule.next_after(NOON, NOON) is not None
