"""Several tasks at once from one chat, over real sockets, with a model that answers in an order of its own."""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import web

from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder
from tests.torture.history import ACCEPTED, DONE, TASK
from tests.unit.providers.server import completion, open_provider_server

NAMES = ("spring", "summer", "autumn", "winter")
ANSWERED = ("autumn", "spring", "winter", "summer")


class SlowModel:
    """Answers a question once it is let to."""

    def __init__(self) -> None:
        self._may_answer = {name: asyncio.Event() for name in NAMES}
        self._asked: set[str] = set()
        self.all_asked = asyncio.Event()

    def release(self, name: str) -> None:
        self._may_answer[name].set()

    async def __call__(self, request: web.Request) -> web.Response:
        season = (await request.json())["messages"][-1]["content"].removeprefix("a poem about ")
        self._asked.add(season)
        if self._asked == set(NAMES):
            self.all_asked.set()
        await self._may_answer[season].wait()
        return web.json_response(completion(f"**{season}** it is"))


async def test_four_tasks_at_once_are_acknowledged_at_once_and_reported_as_they_end(
    tmp_path: Path, simulator: Simulator
) -> None:
    platform, model = simulator.telegram, SlowModel()
    async with open_provider_server() as server:
        for _ in NAMES:
            server.handle(model)
        folder = BotFolder(tmp_path, simulator, model_url=server.base_url)
        async with folder.running():
            for name in NAMES:
                platform.say(GROUP, FIRST_USER, f"Kimi: name={name} a poem about {name}")
            acknowledged = await platform.wait_for_sent(len(NAMES), GROUP)
            await model.all_asked.wait()
            for number, name in enumerate(ANSWERED, start=1):
                model.release(name)
                await platform.wait_for_sent(len(NAMES) + number, GROUP)
        shown = platform.sent(GROUP)
    assert [_first_line(each).removeprefix(ACCEPTED) for each in acknowledged] == list(NAMES)
    notices = [each["text"].split("\n") for each in shown[len(NAMES) :]]
    assert [(lines[0], lines[2], lines[7]) for lines in notices] == [
        (DONE, f"{TASK}{name}", f"{name} it is") for name in ANSWERED
    ]
    asked = {each["reply_to_message"]["message_id"]: each for each in shown[len(NAMES) :]}
    assert len(asked) == len(NAMES)


def _first_line(message: dict[str, Any]) -> str:
    return str(message["text"]).split("\n")[0]
