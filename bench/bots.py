"""The contenders, each as a process."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bench.platform import Platform

BINDINGS = "agents: [{id: main, kind: echo}]\nbindings: []\n"
GATEWAY_TOKEN = "a-token-for-measuring-0123456789"


@asynccontextmanager
async def stock_bot(platform: Platform) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = _environment(platform) | {"BOT_API": platform.addresses["telegram_api_base"]}
    async with _running(await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stock_bot", env=environment, stderr=asyncio.subprocess.DEVNULL
    )) as process:  # fmt: skip
        yield process


@asynccontextmanager
async def stock_discord_bot(platform: Platform) -> AsyncIterator[asyncio.subprocess.Process]:
    addresses = platform.addresses
    environment = dict(os.environ) | {
        "DISCORD_BOT_TOKEN": addresses["discord_token"],
        "DISCORD_API": addresses["discord_api_base"],
    }
    async with _running(await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stock_discord_bot", env=environment, stderr=asyncio.subprocess.DEVNULL
    )) as process:  # fmt: skip
        yield process


@asynccontextmanager
async def javis(
    platform: Platform,
    folder: Path,
    gateway: Mapping[str, object] | None = None,
    *,
    channels: Mapping[str, object] | None = None,
    bindings: str = BINDINGS,
    workers: int = 1000,
    account: str = "default",
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`javis run` with no rate; `gateway` are its settings, on any free port by default, `channels` further ones.

    `account` is what its Telegram bot is called, `workers` the most that work on tasks.
    """
    telegram = {
        "api_base": platform.addresses["telegram_api_base"],
        "dm_policy": "open",
        "rate": {"bot_per_second": None, "chat_per_second": None, "group_per_minute": None},
    }
    if account != "default":
        telegram["accounts"] = {account: {"token": platform.addresses["telegram_token"]}}
    dispatch = {"workers": {"min": 1, "max": workers}, "per_user": 10_000, "webhook_port": None}
    settings = {
        "channels": {"telegram": telegram, **(channels or {})},
        "dispatch": dispatch,
        "gateway": gateway or {"port": 0},
        "log": {"level": "warning"},
    }
    (folder / "javis.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "bindings.yaml").write_text(bindings, encoding="utf-8")
    async with _running(await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("javis")), "run",
        cwd=folder, env=_environment(platform) | {"JAVIS_HOME": str(folder / "data")} | dict(environment or {}),
    )) as process:  # fmt: skip
        yield process


def _environment(platform: Platform) -> dict[str, str]:
    return dict(os.environ) | {
        "TELEGRAM_BOT_TOKEN": platform.addresses["telegram_token"],
        "JAVIS_GATEWAY_TOKEN": GATEWAY_TOKEN,
        "KIMI_API_KEY": platform.addresses["model_key"],
        "KIMI_API_URL": platform.addresses["model_api_base"],
    }


@asynccontextmanager
async def _running(process: asyncio.subprocess.Process) -> AsyncIterator[asyncio.subprocess.Process]:
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
