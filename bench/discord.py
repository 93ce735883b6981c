"""How long a slash command waits for its first response while many turns wait on a slow model."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from bench.bots import javis, stock_discord_bot
from bench.platform import Platform, platform

TURNS = 1000
AT_ONCE = 256  # so many of them ask the model, the others wait in their lanes
COMMANDS = 300
BINDINGS = "agents: [{id: main, kind: llm, model: kimi}]\nbindings: []\n"
PERSON, CHANNEL = "1160000000000000001", "1170000000000000011"
DEFERRED = 5


async def measure_discord() -> None:
    async with platform(1) as server, stock_discord_bot(server):
        stock = await first_responses(server)
    with tempfile.TemporaryDirectory() as folder:
        async with platform(TURNS) as server:
            discord = {
                "accounts": {"default": {"token": server.addresses["discord_token"]}},
                "api_base": server.addresses["discord_api_base"],
                "group_policy": "open",
                "rate": {"bot_per_second": None, "chat_per_second": None},
            }
            async with javis(server, Path(folder), channels={"discord": discord}, bindings=BINDINGS):
                await server.slow_model(300)
                await server.say(["a question"] * TURNS, TURNS)
                while await server.calls("sendChatAction") < AT_ONCE:
                    await asyncio.sleep(0.05)
                ours = await first_responses(server)
    middle, p99 = statistics.median(ours), statistics.quantiles(ours, n=100)[98]
    ratio = p99 / statistics.quantiles(stock, n=100)[98]
    print(
        f"command's first response    {middle:8.1f} ms    p99 {p99:.1f} ms, {TURNS} turns waiting; "
        f"{ratio:.2f} x that of an idle stock discord.py bot"
    )


async def first_responses(server: Platform) -> list[float]:
    """Milliseconds from the command to its deferral, one after another."""
    await _offered(server)
    milliseconds = []
    for number in range(COMMANDS):
        begin = time.monotonic()
        command = {"channel_id": CHANNEL, "user_id": PERSON, "name": "ask", "options": {"text": str(number)}}
        answer = await server.post("discord/command", command | {"wait": True})
        milliseconds.append((time.monotonic() - begin) * 1000)
        if answer["response"] != DEFERRED:
            raise AssertionError(f"command {number} was not deferred within three seconds")
    return milliseconds


async def _offered(server: Platform) -> None:
    """Return when the bot is connected and offers its commands."""
    while True:
        state = await server.get("discord/state")
        if state["connected"] and (await server.get(f"discord/commands?channel={CHANNEL}"))["commands"]:
            return
        await asyncio.sleep(0.05)
