"""What the gateway's clients hear of messages in other channels."""

from pathlib import Path

from channels.simulator.seed import GROUP
from tests.scene import OWNER, scene_in


async def test_of_a_message_that_reached_no_session_nobody_hears(tmp_path: Path) -> None:
    async with scene_in(tmp_path, require_mention=True) as scene:
        update = scene.simulator.telegram.say(GROUP, OWNER, "not to the bot")
        road = await scene.road(f"telegram/default/{update}")
        assert road["session_key"] is None
        await scene.client.call("tasks.create", prompt="write")
        assert (await scene.client.events.get())["type"] == "task.update"
