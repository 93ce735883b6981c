"""What one person may ask for at a time, in a chat."""

from collections.abc import Sequence
from pathlib import Path

from bot import words
from bot.catalogue import LANGUAGES, Catalogue
from tests.scene import OTHER, scene_in


async def test_who_has_enough_open_tasks_is_told_so_for_a_new_one_and_for_one_more_attempt(tmp_path: Path) -> None:
    refusals = [Catalogue.load().say(each, words.TOO_MANY_TASKS, count=1) for each in LANGUAGES]
    async with scene_in(tmp_path, {"dispatch": {"per_user": 1}}) as scene:
        telegram = scene.simulator.telegram
        scene.simulator.model.faults.switch_on("delay", seconds=300)

        async def say(text: str, answers: Sequence[str], times: int) -> None:
            telegram.say(OTHER, OTHER, text)
            await telegram.wait_for_sent(
                lambda sent: sum(each["text"].startswith(tuple(answers)) for each in sent) == times
            )

        await say("Kimi: name=one x", ["✅"], 1)
        (one,) = (await scene.client.call("tasks.list"))["tasks"]
        await scene.client.call("tasks.cancel", task_id=one["task_id"])
        await say("Kimi: name=two x", ["✅"], 2)
        await say(f"/retry {one['task_id']}", refusals, 1)
        await say("Kimi: name=three x", refusals, 2)
        listed = (await scene.client.call("tasks.list"))["tasks"]
    assert sorted((each["task_name"], each["state"] == "cancelled") for each in listed) == [
        ("one", True),
        ("two", False),
    ]
