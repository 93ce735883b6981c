"""`javis onboard` at a real terminal, against the stand-ins."""

import asyncio
import codecs
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from channels.simulator.seed import FIRST_USER
from channels.simulator.server import Simulator
from tests.acceptance.bot_process import BotFolder
from tests.patience import PATIENCE_SECONDS


async def converse(folder: Path, environ: Mapping[str, str], answers: list[tuple[str, str]]) -> str:
    """Run it in a pseudo-terminal; give each answer once, when its question has come. All that was shown."""
    master, slave = os.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bot.cli.main", "onboard", "--wait", "100"),
        cwd=folder,
        env={**{name: value for name, value in os.environ.items() if not name.endswith("_TOKEN")}, **environ},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(master, "rb", buffering=0)
    )
    shown, asked = "", 0
    decoder = codecs.getincrementaldecoder("utf-8")()  # a piece may end within a character
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                piece = await reader.read(4096)
            except OSError:  # Linux: the other end of a pseudo-terminal is closed
                break
            if not piece:
                break
            shown += decoder.decode(piece)
            for each in answers:
                if found := re.compile(each[0]).search(shown, asked):
                    asked = found.end()
                    os.write(master, f"{each[1]}\n".encode())
                    answers.remove(each)
                    break
        assert await process.wait() == 0, shown
    return shown


async def test_a_newcomer_gets_files_that_run(tmp_path: Path, simulator: Simulator, bot_folder: BotFolder) -> None:
    for name in ("javis.yaml", "bindings.yaml"):
        (tmp_path / name).rename(tmp_path / f"kept-{name}")
    simulator.telegram.say(FIRST_USER, FIRST_USER, "hello, I am the owner")
    (tmp_path / "javis.yaml").write_text(
        yaml.safe_dump({"channels": {"telegram": {"api_base": simulator.telegram_api_base}}})
    )
    shown = await converse(
        tmp_path,
        {"KIMI_API_URL": simulator.model_api_base},
        [
            (r"telegram bot, from \S+ \(Enter for none\): ", simulator.telegram_token),
            (r"discord bot, from \S+ \(Enter for none\): ", ""),
            (r"its owner\?[^:]*: ", "y"),
            (r"Key for Kimi[^:]*:[^:]*: ", simulator.model_key),
        ],
    )
    assert simulator.telegram_token not in shown
    assert f"({FIRST_USER}) becomes the owner" in shown
    assert f"- '{FIRST_USER}'" in shown, "javis.yaml was there already: it is told what to put into it"
    variables = (tmp_path / "javis.env").read_text()
    assert f'TELEGRAM_BOT_TOKEN="{simulator.telegram_token}"' in variables
    assert (tmp_path / "javis.env").stat().st_mode & 0o777 == 0o600
    async with bot_folder.running():  # what onboarding heard was not taken from the platform: the bot answers it
        await simulator.telegram.wait_for_sent(1, FIRST_USER)


async def test_a_wrong_token_is_asked_for_again(tmp_path: Path, simulator: Simulator) -> None:
    (tmp_path / "javis.yaml").write_text(
        yaml.safe_dump({"channels": {"telegram": {"api_base": simulator.telegram_api_base}}})
    )
    shown = await converse(
        tmp_path,
        {"KIMI_API_URL": simulator.model_api_base},
        [
            (r"telegram bot, from https://t.me/BotFather \(Enter for none\): ", "123456:wrong"),
            (r"telegram bot, from https://t.me/BotFather \(Enter for none\): ", ""),
            (r"discord bot, from \S+ \(Enter for none\): ", ""),
            (r"Key for Kimi[^:]*:[^:]*: ", "wrong"),
            (r"Key for Kimi[^:]*:[^:]*: ", ""),
        ],
    )
    assert "telegram: Telegram refuses the token" in shown
    assert "123456:wrong" not in shown
    assert (tmp_path / "javis.env").read_text().strip() == ""
    assert (tmp_path / "bindings.yaml").exists()
