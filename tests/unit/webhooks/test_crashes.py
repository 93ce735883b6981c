"""A bot that dies at any commit between a runner's callback and the posted result."""

from pathlib import Path
from typing import Literal

import pytest

from bot.dispatch.poster import RESULTS
from channels.clock import ManualClock
from channels.testing import eventually
from tests.unit.torture.memory_platform import Trap, set_trap
from tests.unit.webhooks.setting import COMPLETION
from tests.unit.webhooks.test_results import Receiver, create, pass_seconds, posting, receiver, rows

__all__ = ["receiver"]

COMMITS = 3  # the end of the task, the claim of its row, the row's end


@pytest.mark.parametrize("step", ["die_before_commit", "die_after_commit", "no_commit"])
@pytest.mark.parametrize("number", range(1, COMMITS + 1))
async def test_one_end_and_one_result_whatever_commit_the_bot_dies_at(
    tmp_path: Path,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    step: Literal["die_before_commit", "die_after_commit", "no_commit"],
    number: int,
) -> None:
    clock, trap = ManualClock(), Trap(step, number)
    async with posting(tmp_path, clock) as desk:
        task_id, key = await create(desk.house, receiver.url)
        message = desk.signed(key, COMPLETION)
        with monkeypatch.context() as patch:
            set_trap(trap, patch, clock)
            first = await desk.http.post(f"/kimi/webhook/{task_id}", content=message[0], headers=message[1])
            if step == "no_commit" and number == COMMITS:  # what the receiver said is written down patiently
                await eventually(lambda: clock.sleepers > 0)
                await clock.advance(2)
            await desk.house.delivery.worker.wait_idle(20)
            if step == "no_commit":
                await pass_seconds(desk, 40)
    assert trap.sprung, "there is no such commit"
    assert first.status_code in ({503} if number == 1 else {202})
    async with posting(tmp_path, clock) as desk:
        again = await desk.http.post(f"/kimi/webhook/{task_id}", content=message[0], headers=message[1])
        assert again.status_code == (202 if number == 1 and step != "die_after_commit" else 200)
        await pass_seconds(desk, 40)
        await desk.house.delivery.worker.tick(*RESULTS)
        task = await desk.task(task_id)
        (row,) = await rows(desk, task_id)
    assert (task.state, task.total_tokens, row.state) == ("succeeded", 12, "sent")
    assert len({headers["webhook-id"] for _, _, headers in receiver.attempts}) == 1
    died_unheard = step == "die_before_commit" and number == COMMITS
    assert len(receiver.attempts) == (2 if died_unheard else 1)
