"""A long answer as one file, as Telegram's and Discord's stand-ins take it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from channels.clock import ManualClock
from channels.config import BotAccount, LongAnswers
from channels.discord.config import DiscordConfig
from channels.discord.render import TEXT_UNITS as DISCORD_UNITS
from channels.discord.render import render_message as render_discord
from channels.discord.render import with_label as label_discord
from channels.long_answer import FILE_BYTES, MOST_PARTS
from channels.message import Delivery, Destination, OutboundMessage
from channels.port import Channel, ChannelContext
from channels.registry import load_manifests, open_channel
from channels.simulator.discord.seed import CHANNEL
from channels.simulator.server import Simulator, run_simulator
from channels.telegram.config import TelegramConfig
from channels.telegram.render import CAPTION_UNITS, TEXT_UNITS, render_message, with_label
from channels.utf16 import utf16_length

ID = "0123456789abcdef01234567"
CHAT = -100_777
IN_TELEGRAM = Destination("telegram", "default", str(CHAT))
IN_DISCORD = Destination("discord", "default", CHANNEL)
LONG = "# Title\n\n" + "**Bold** and 👋 `code`, a line of many.\n\n" * 600


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with run_simulator(port=0, state_dir=None, clock=ManualClock()) as simulator:
        simulator.telegram.add_group(CHAT, "A group", [7_000_000_001])
        yield simulator


async def opened(stack: AsyncExitStack, simulator: Simulator, name: str, long_answers: LongAnswers) -> Channel:
    config: Any
    if name == "telegram":
        accounts = {"default": BotAccount(token=SecretStr(simulator.telegram_token))}
        config = TelegramConfig(accounts=accounts, api_base=simulator.telegram_api_base, long_answers=long_answers)
    else:
        accounts = {"default": BotAccount(token=SecretStr(simulator.discord_token))}
        config = DiscordConfig(accounts=accounts, api_base=simulator.discord_api_base, long_answers=long_answers)
    context = ChannelContext("default", config, ManualClock())
    return await stack.enter_async_context(open_channel(load_manifests()[name], context))


async def fetched(url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.read()


async def test_telegram_takes_a_long_answer_as_one_file(simulator: Simulator) -> None:
    async with AsyncExitStack() as stack:
        channel = await opened(stack, simulator, "telegram", "file")
        (part,) = channel.render(OutboundMessage(IN_TELEGRAM, LONG, "markdown"))
        receipt = await channel.send(Delivery(ID, IN_TELEGRAM, part, "maybe twice"))
    (sent,) = simulator.telegram.sent(CHAT)
    assert receipt.message_id == str(sent["message_id"])
    assert sent["caption"].startswith("maybe twice\nTitle\n\nBold and 👋 code")
    assert sent["document"]["file_name"] == "answer.md"
    path = f"{simulator.telegram_api_base}/file/bot{simulator.telegram_token}/documents/{sent['document']['file_id']}"
    assert await fetched(path) == LONG.encode()


async def test_discord_takes_a_long_answer_as_one_file_even_when_sent_again(simulator: Simulator) -> None:
    async with AsyncExitStack() as stack:
        channel = await opened(stack, simulator, "discord", "file")
        (part,) = channel.render(OutboundMessage(IN_DISCORD, LONG, "markdown"))
        for _ in range(2):
            await channel.send(Delivery(ID, IN_DISCORD, part))
    (sent,) = simulator.discord.sent(CHANNEL)
    assert sent["content"].startswith("# Title\n\n**Bold**")
    (file,) = sent["attachments"]
    assert file["filename"] == "answer.md"
    assert file["size"] == len(LONG.encode())


@pytest.mark.parametrize("name", ["telegram", "discord"])
async def test_without_the_setting_a_long_answer_goes_in_parts(simulator: Simulator, name: str) -> None:
    async with AsyncExitStack() as stack:
        channel = await opened(stack, simulator, name, "split")
        assert len(channel.render(OutboundMessage(IN_TELEGRAM, LONG, "markdown"))) > MOST_PARTS


@pytest.mark.parametrize("text", [LONG, "```python\n" + "x = 1\n" * 5000 + "```", "👋" * 20_000, "| a | b |\n" * 3000])
@pytest.mark.parametrize("text_format", ["markdown", "plain"])
def test_any_beginning_fits_under_any_label(text: str, text_format: Any) -> None:
    message = OutboundMessage(IN_TELEGRAM, text, text_format)
    (part,) = render_message(message, "file")
    assert utf16_length(with_label(part, "label " * 50)["caption"]) <= CAPTION_UNITS
    (other,) = render_discord(replace(message, destination=IN_DISCORD), "file")
    assert utf16_length(label_discord(other, "label " * 50)["content"]) <= DISCORD_UNITS
    assert part["document"] == other["document"]
    assert part["document"]["text"] == text


@pytest.mark.parametrize("text", ["short", "a" * TEXT_UNITS * 2, "line\n" * (FILE_BYTES // 5 + 1)])
def test_what_takes_few_parts_or_is_too_much_for_a_file_goes_in_parts(text: str) -> None:
    message = OutboundMessage(IN_TELEGRAM, text)
    assert render_message(message, "file") == render_message(message)
