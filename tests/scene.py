"""A whole bot in this process between the simulated Telegram and a client of its gateway."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from channels.clock import SystemClock
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator, run_simulator
from tests.gateway_bot import BINDINGS, CallFailed, Client, gateway_bot

OWNER, OTHER = FIRST_USER, FIRST_USER + 1


class Scene:
    """A bot in the simulated Telegram, and a client that may ask for roads."""

    def __init__(self, simulator: Simulator, client: Client) -> None:
        self.simulator = simulator
        self.client = client
        self.said = 0

    async def ask(self, user: int, text: str, *, chat: int = GROUP, reply_to: int | None = None) -> tuple[int, str]:
        """Say something that is answered: (its message id, the answer)."""
        update = self.simulator.telegram.say(chat, user, text, reply_to=reply_to)
        self.said += 1
        *_, answer = await self.simulator.telegram.wait_for_sent(self.said)
        road = await self.road(f"telegram/default/{update}")
        return int(road["message_id"]), answer["text"]

    async def road(self, message: object) -> dict[str, Any]:
        """The one road of `message`, once it has ended and its answer has arrived."""
        while True:
            try:
                (road,) = (await self.client.call("trace.get", message=str(message)))["roads"]
            except CallFailed:
                continue
            if road["ended_at"] and all(each["state"] == "sent" for each in road["deliveries"]):
                found: dict[str, Any] = road
                return found


@asynccontextmanager
async def scene_in(
    folder: Path, more: Mapping[str, Any] | None = None, *, bindings: str = BINDINGS, **telegram: object
) -> AsyncIterator[Scene]:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as simulator:
        simulator.telegram.limits_on = False
        channel = {
            "api_base": simulator.telegram_api_base,
            "dm_policy": "open",
            "group_policy": "open",
            "require_mention": False,
            "owners": [str(OWNER)],
            "rate": {"bot_per_second": None, "chat_per_second": None, "group_per_minute": None},
            **telegram,
        }
        others = dict(more or {})
        channels = {"telegram": channel, **others.pop("channels", {})}
        settings = {"gateway": {"port": 0, "rate_per_second": None}, "channels": channels, **others}
        environ = {
            "TELEGRAM_BOT_TOKEN": simulator.telegram_token,
            "KIMI_API_KEY": simulator.model_key,
            "KIMI_API_URL": simulator.model_api_base,
            "DISCORD_TOKEN": simulator.discord_token,  # under the names of the bot's own it would come by itself
            "DISCORD_API_BASE": simulator.discord_api_base,
        }
        async with gateway_bot(folder, json.dumps(settings), environ, bindings=bindings) as bot, bot.client() as client:
            yield Scene(simulator, client)
