"""`javis run` without any token, and `javis simulate`: the stand-ins for a newcomer and for a bot of one's own."""

import asyncio
import re

import httpx

from tests.acceptance.bot_process import BotFolder, Machine, ended
from tests.patience import PATIENCE_SECONDS


async def test_without_tokens_the_bot_starts_among_stand_ins_for_both_platforms(bot_folder: BotFolder) -> None:
    bot_folder.change_settings(channels={})
    bot_folder.forget("TELEGRAM_BOT_TOKEN", "KIMI_API_KEY", "KIMI_API_URL")
    bot = Machine(await bot_folder.start("run", "--port", "0"))
    gateway = await bot.gateway()
    for channel in ("telegram", "discord"):
        await bot.says(f"Receiving  channel={channel} ")
    code, task, told = await bot_folder.command("kimi", "write a poem", "poem", "--wait")
    assert (code, str(bot_folder.home / "simulator") in told) == (0, True), told
    assert len(task.splitlines()) > 3
    code, answer, told = await bot_folder.command("agent", "-m", "what is the weather like?")
    assert (code, "what is the weather like?" in answer) == (0, True), told
    await converse_until_a_task_is_told(bot_folder)
    _, token, _ = await bot_folder.command("token", "create", "mine")
    headers = {"Authorization": f"Bearer {token.strip()}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=PATIENCE_SECONDS) as http:
        assert (await http.get(f"{gateway}/v1/models")).status_code == 200
    job = ("cron", "add", "tea", "--every", "2h", "--say", "tea time")
    code, _, told = await bot_folder.command(*job)
    assert code == 0, told
    code, findings, _ = await bot_folder.command("doctor")
    assert (code, "stand-ins" in findings) == (0, True), findings
    _, tasks, _ = await bot_folder.command("tasks", "list")
    assert "poem" in tasks
    assert await bot.end() == 0, "".join(bot.log)
    assert bot.process.stdout is not None
    assert re.search(rb"Open http://127\.0\.0\.1:\d+ and write", await bot.process.stdout.read())
    code, _, told = await bot_folder.command("kimi", "write a poem")
    assert (code, "KIMI_API_KEY" in told) == (2, True)


async def converse_until_a_task_is_told(bot_folder: BotFolder) -> None:
    """The running bot does what was begun in a terminal; the terminal tells of its end."""
    process = await bot_folder.start("agent", stdin=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"Kimi: write a song\n")
    while "Kimi 任務完成" not in (line := (await process.stdout.readline()).decode()):
        assert line, "the conversation ended"
    process.stdin.close()
    await ended(process)
    assert process.returncode == 0


async def test_simulate_tells_where_and_as_whom_a_bot_may_connect(bot_folder: BotFolder) -> None:
    process = await bot_folder.start("simulate", "--port", "0")
    assert process.stdout is not None
    told: dict[str, str] = {}
    while "KIMI_API_KEY" not in told:
        line = (await process.stdout.readline()).decode()
        assert line, told
        name, _, value = line.strip().replace("api_base: ", "api_base=").partition("=")
        told[name] = value
    headers = {"Authorization": f"Bot {told['DISCORD_BOT_TOKEN']}"}
    async with httpx.AsyncClient(headers=headers, timeout=PATIENCE_SECONDS) as http:
        me = await http.get(f"{told['channels.discord.api_base']}/users/@me")
    process.terminate()
    await ended(process)
    assert me.json()["username"] == "Javis"
    assert process.returncode == 0
