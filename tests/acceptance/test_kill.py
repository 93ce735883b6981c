"""SIGKILL at each step of the road, then a restart: nothing is lost, and what may be doubled says so."""

from collections import Counter

import pytest

from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder

LABEL = "（這則訊息你可能已經收過了）"
STEPS = range(2, 9)  # commit groups of one question and one task, counted from the start of the process


async def kill_and_restart(simulator: Simulator, bot_folder: BotFolder, moment: str, step: int) -> list[str]:
    """The texts of all that the person saw, after a start that died at `step` and one that did not."""
    process = await bot_folder.start_to_be_killed(moment, step)
    simulator.telegram.say(FIRST_USER, FIRST_USER, "one question")
    simulator.telegram.say(GROUP, FIRST_USER, "Kimi: one task")
    await process.communicate()
    assert process.returncode == -9
    async with bot_folder.running():
        await simulator.telegram.wait_for_sent(
            lambda sent: (
                {"one question", "✅ Kimi 任務已派發：one task", "✅ Kimi 任務完成！"}
                <= {part for message in sent for part in message["text"].split("\n")}
            )
        )
        await simulator.telegram.wait_for_sent(lambda _: not simulator.telegram.pending)
    return [message["text"] for message in simulator.telegram.sent()]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_a_commit_loses_nothing(
    simulator: Simulator, bot_folder: BotFolder, moment: str, step: int
) -> None:
    texts = await kill_and_restart(simulator, bot_folder, moment, step)
    logical = Counter(text.replace(f"{LABEL}\n", "").split("\n")[0] for text in texts)
    assert set(logical) == {"one question", "✅ Kimi 任務已派發：one task", "✅ Kimi 任務完成！"}
    twice = [text for text, times in logical.items() if times > 1]
    assert all(times <= 2 for times in logical.values())
    labelled = [text for text in texts if LABEL in text]
    assert len(labelled) >= len(twice)
