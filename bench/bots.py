"""The contenders, each as a process."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.platform import Platform

BINDINGS = "agents: [{id: main, kind: echo}]\nbindings: []\n"


@asynccontextmanager
async def stock_bot(platform: Platform) -> AsyncIterator[asyncio.subprocess.Process]:
    environment = _environment(platform) | {"BOT_API": platform.addresses["telegram_api_base"]}
    async with _running(await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.stock_bot", env=environment, stderr=asyncio.subprocess.DEVNULL
    )) as process:  # fmt: skip
        yield process


@asynccontextmanager
async def javis(platform: Platform, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`javis run` with the echo agent and no rate."""
    telegram = {
        "api_base": platform.addresses["telegram_api_base"],
        "dm_policy": "open",
        "rate": {"bot_per_second": None, "chat_per_second": None, "group_per_minute": None},
    }
    dispatch = {"workers": {"min": 1, "max": 1000}, "per_user": 10_000}
    settings = {"channels": {"telegram": telegram}, "dispatch": dispatch, "log": {"level": "warning"}}
    (folder / "javis.yaml").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "bindings.yaml").write_text(BINDINGS, encoding="utf-8")
    async with _running(await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("javis")), "run",
        cwd=folder, env=_environment(platform) | {"JAVIS_HOME": str(folder / "data")},
    )) as process:  # fmt: skip
        yield process


def _environment(platform: Platform) -> dict[str, str]:
    return dict(os.environ) | {
        "TELEGRAM_BOT_TOKEN": platform.addresses["telegram_token"],
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
