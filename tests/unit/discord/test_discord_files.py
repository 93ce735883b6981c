"""Files that people send in Discord, fetched from where the platform keeps them."""

from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from channels.clock import ManualClock
from channels.config import BotAccount
from channels.discord.config import DiscordConfig
from channels.message import Attachment, Destination
from channels.port import Channel, ChannelContext, HoldsFiles
from channels.registry import load_manifests, open_channel
from channels.simulator.discord.seed import CHANNEL, PEOPLE
from channels.simulator.server import Simulator, run_simulator


def opened(simulator: Simulator) -> AbstractAsyncContextManager[Channel]:
    accounts = {"default": BotAccount(token=SecretStr(simulator.discord_token))}
    config = DiscordConfig(accounts=accounts, api_base=simulator.discord_api_base)
    return open_channel(load_manifests()["discord"], ChannelContext("default", config, ManualClock()))


async def test_a_file_is_fetched_up_to_the_limit_and_one_that_is_gone_is_none() -> None:
    async with (
        run_simulator(port=0, state_dir=None, clock=ManualClock()) as simulator,
        opened(simulator) as channel,
        aiohttp.ClientSession() as http,
    ):
        await simulator.discord.say_with_file(CHANNEL, PEOPLE[0], "see", "notes.txt", b"0123456789")
        headers = {"Authorization": f"Bot {simulator.discord_token}"}
        history = f"{simulator.discord_api_base}/channels/{CHANNEL}/messages"
        async with http.get(history, headers=headers) as answer:
            file = (await answer.json())[0]["attachments"][0]
        known = Attachment("document", file["filename"], file["content_type"], file["size"], file["url"])
        assert isinstance(channel, HoldsFiles)
        assert await channel.fetch(known, 100) == b"0123456789"
        assert await channel.fetch(known, 4) == b"0123"
        assert await channel.fetch(replace(known, reference=known.reference + "x"), 4) is None


async def test_a_channel_that_is_closed_has_no_file_and_shows_no_typing() -> None:
    async with run_simulator(port=0, state_dir=None, clock=ManualClock()) as simulator:
        async with opened(simulator) as channel:
            pass
        known = Attachment("document", "a.txt", "text/plain", 1, f"{simulator.discord_api_base}/a.txt")
        assert isinstance(channel, HoldsFiles)
        assert await channel.fetch(known, 100) is None
        await channel.show_typing(Destination("discord", "default", CHANNEL))


@pytest.mark.parametrize("reference", ["{elsewhere}/a.png", "a.png", "https:///", "file:///etc/passwd", "http://[::1"])
async def test_nothing_is_fetched_from_a_place_that_is_not_discords(reference: str) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=b"secret")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with (
        TestServer(app) as elsewhere,
        run_simulator(port=0, state_dir=None, clock=ManualClock()) as simulator,
        opened(simulator) as channel,
    ):
        assert isinstance(channel, HoldsFiles)
        place = reference.format(elsewhere=f"http://127.0.0.1:{elsewhere.port}")
        assert await channel.fetch(Attachment("image", "a.png", None, None, place), 100) is None
    assert asked == []
