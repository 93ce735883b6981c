"""The channel among Discord's real rate limits: it waits where the headers tell it to, and is refused nothing."""

import asyncio

import pytest
from pydantic import SecretStr

from channels.clock import ManualClock
from channels.config import BotAccount
from channels.discord.config import DiscordConfig, DiscordRate
from channels.message import Delivery, Destination
from channels.port import ChannelContext, ShortMemory
from channels.registry import load_manifests, open_channel
from channels.simulator.discord.seed import CHANNEL, OTHER_CHANNEL
from channels.simulator.server import run_simulator
from tests.patience import PATIENCE_SECONDS

MESSAGES = 17  # of which five fit into five seconds


@pytest.mark.parametrize("chat_per_second", [None, 1.0, 3.0])
async def test_burst_keeps_within_the_limits_that_discord_tells(chat_per_second: float | None) -> None:
    clock = ManualClock()
    async with run_simulator(port=0, state_dir=None, clock=clock) as simulator:
        simulator.discord.limits_on = True
        config = DiscordConfig(
            accounts={"default": BotAccount(token=SecretStr(simulator.discord_token))},
            api_base=simulator.discord_api_base,
            rate=DiscordRate(chat_per_second=chat_per_second),
        )
        context = ChannelContext("default", config, clock, ShortMemory())
        async with open_channel(load_manifests()["discord"], context) as channel:

            async def send(place: str, number: int) -> None:
                delivery = Delivery(
                    f"{place[-4:]}{number:020}", Destination("discord", "default", place), {"content": "x"}
                )
                await channel.send(delivery)

            async def send_in_turn(place: str) -> None:
                for number in range(MESSAGES):
                    await send(place, number)

            sending = asyncio.gather(send_in_turn(CHANNEL), send_in_turn(OTHER_CHANNEL))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not sending.done():
                    await asyncio.sleep(0)
                    if clock.sleepers:
                        await clock.advance(0.5)
            await sending
        assert simulator.discord.calls["createMessage"] == 2 * MESSAGES
        assert simulator.discord.rest.buckets.invalid == 0
        assert len(simulator.discord.sent()) == 2 * MESSAGES
