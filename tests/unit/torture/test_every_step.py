"""Every commit and every call of a platform goes wrong once, in each way that it can: nothing is lost."""

import itertools
from collections import Counter
from pathlib import Path

import pytest

from bot.pipeline.suspects import MOST_BEGUN_AGAIN
from channels.unfinished import SIGN
from tests.unit.torture.memory_platform import MemoryPlatform, Step, Trap, live

LINES = [("1", "a"), ("1", "b/c"), ("2", "d"), ("1", "e"), ("2", "f")]
PARTS = {("1", "a"): 0, ("1", "b"): 1, ("1", "c"): 2, ("1", "e"): 3, ("2", "d"): 0, ("2", "f"): 1}
MOST_STEPS = 40
STEPS: list[Step] = [
    "die_before_commit",
    "die_after_commit",
    "no_commit",
    "die_before_wire",
    "die_after_wire",
    "not_sent",
    "rate_limited",
    "outcome_unknown",
]
LEAST_STEPS = 3


@pytest.mark.parametrize("step", STEPS)
async def test_nothing_is_lost_and_what_may_be_doubled_says_so(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in itertools.count(1):
        trap = Trap(step, number)
        platform = MemoryPlatform()
        for chat, text in LINES:
            platform.say(chat, text)
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = await live(folder, platform, trap, monkeypatch)
        if trap.dead.is_set():
            rows = await live(folder, platform, Trap(), monkeypatch)
        check(platform, number)
        assert {row["state"] for row in rows} == {"sent"}, f"step {number}"
        if not trap.sprung:
            assert number > len(PARTS) if "wire" in step else number > 1
            return
        assert number < MOST_STEPS


def check(platform: MemoryPlatform, number: int) -> None:
    plain = Counter((chat, text) for chat, text, label in platform.shown if label is None)
    assert set(PARTS) == {(chat, text) for chat, text, _ in platform.shown}, f"step {number}: lost"
    assert set(plain.values()) <= {1}, f"step {number}: doubled without a label: {platform.shown}"
    labelled = Counter(chat for chat, _, label in platform.shown if label is not None)
    assert set(labelled.values()) <= {1}, f"step {number}: more than was on its way: {platform.shown}"
    first: dict[str, list[int]] = {"1": [], "2": []}
    for chat, text, _ in dict.fromkeys(platform.shown):
        if PARTS[chat, text] not in first[chat]:
            first[chat].append(PARTS[chat, text])
    assert first == {"1": [0, 1, 2, 3], "2": [0, 1]}, f"step {number}: out of order: {platform.shown}"


@pytest.mark.parametrize("step", STEPS)
async def test_an_answer_that_is_shown_while_it_is_written_comes_once(
    step: Step, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A beginning whose name nobody learnt may stay, marked as one; the answer itself is neither lost nor doubled."""
    for number in itertools.count(1):
        trap, platform = Trap(step, number), MemoryPlatform(streams=True)
        platform.say("1", "aa/b")
        folder = tmp_path / str(number)
        folder.mkdir()
        rows = await live(folder, platform, trap, monkeypatch)
        if trap.dead.is_set():
            rows = await live(folder, platform, Trap(), monkeypatch)
        shown = [(text, label) for _, text, label in platform.shown if text]
        strays = [text for text, _ in shown if text.endswith(SIGN)]
        told = Counter(text for text, label in shown if label is None and text not in strays)
        again = [text for text, label in shown if label is not None]
        assert {*told, *again} == {"aa", "b"}, f"step {number}: lost"
        assert set(told.values()) <= {1}, f"step {number}: doubled without a label"
        assert len(strays) + len(again) <= trap.sprung, f"step {number}: more than was on its way"
        assert {row["state"] for row in rows} == {"sent"}, f"step {number}"
        if not trap.sprung:
            assert number > LEAST_STEPS, "no message was begun before it was brought to its end"
            return


@pytest.mark.parametrize("text", ["poison", "/help"])
async def test_work_that_kills_the_process_time_and_again_is_given_up_visibly(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = MemoryPlatform()
    platform.say("1", text)
    lives = 0
    while True:
        trap = Trap("die_in_turn" if lives <= MOST_BEGUN_AGAIN else None)
        await live(tmp_path, platform, trap, monkeypatch)
        if not trap.sprung:
            break
        lives += 1
        assert platform.shown == []
    # The first life counts too where the update was read back from the disk before it was handed over.
    assert lives in {MOST_BEGUN_AGAIN, 1 + MOST_BEGUN_AGAIN}
    platform.say("1", "next")
    await live(tmp_path, platform, Trap(), monkeypatch)
    assert [text for _, text, _ in platform.shown] == ["我這邊出了點問題，請再試一次。", "next"]
