"""The simulated Discord on the page, in a real browser, with an unmodified discord.py on the other side."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
from discord import app_commands
from typing_extensions import override

from channels.simulator.discord.seed import CHANNEL, FORUM_CHANNEL, PEOPLE
from channels.simulator.server import Simulator
from tests.chromium import Page, open_page
from tests.patience import PATIENCE_SECONDS
from tests.unit.simulator.stock_discord import StockBot, all_intents, stock_bot

LAST_WORDS = "document.querySelector('.message:last-child .words')?.innerText"


class Bot(StockBot):
    """Echoes messages; `/say` thinks until it is let go on, `/whisper` is for the asker alone."""

    def __init__(self) -> None:
        super().__init__(all_intents())
        self.go_on = asyncio.Event()
        say: app_commands.Command[Any, ..., None] = app_commands.Command(
            name="say", description="Say it", callback=self._say
        )
        say.autocomplete("text")(self._complete)
        self.tree.add_command(say)
        self.tree.add_command(app_commands.Command(name="whisper", description="Tell me", callback=self._whisper))

    async def _say(self, interaction: discord.Interaction, text: str) -> None:
        await interaction.response.defer(thinking=True)
        await self.go_on.wait()
        await interaction.edit_original_response(content=f"**said** {text}")

    async def _complete(self, _: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{typed} twice", value=f"{typed} {typed}")] if typed else []

    async def _whisper(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message("psst", ephemeral=True)

    @override
    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user:
            await message.reply(f"echo: {message.content}")


@pytest.fixture
async def bot(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    bot = Bot()
    async with stock_bot(simulator, monkeypatch, bot):
        await bot.tree.sync()
        yield bot


@pytest.fixture
async def page(simulator: Simulator, bot: Bot, browser: str) -> AsyncIterator[Page]:
    """The page at the first channel; a script that failed in it fails the test."""
    async with open_page(browser) as page:
        await page.resize(1280, 800)
        await page.goto(simulator.url)
        await page.until("document.body.dataset.ready")
        await page.click(f'[data-place="{CHANNEL}"]')
        yield page
        assert page.errors == []


async def write(page: Page, text: str) -> None:
    await page.click("#text")
    await page.type(text)
    await page.press("Enter")


async def test_message_in_a_channel_and_the_answer_appear(page: Page, simulator: Simulator) -> None:
    await write(page, "hello <b>there</b>")
    await page.until(f"{LAST_WORDS} === 'echo: hello <b>there</b>'")
    assert await page.evaluate("document.querySelector('.quote span').innerText") == "hello <b>there</b>"
    assert await page.evaluate("document.querySelector('#presence').className") == "presence on"
    assert [each["content"] for each in simulator.discord.sent(CHANNEL)] == ["echo: hello <b>there</b>"]


async def test_slash_command_is_chosen_suggested_thought_about_and_answered(page: Page, bot: Bot) -> None:
    await page.click("#text")
    await page.type("/")
    await page.until("document.querySelectorAll('#menu:not([hidden]) [role=option]').length === 2")
    await page.press("Enter")
    await page.until("document.querySelector('#text').value === '/say '")
    await page.type("ho")
    await page.until("document.querySelector('#menu:not([hidden]) [role=option] strong')?.innerText === 'ho twice'")
    await page.press("Tab")
    assert await page.evaluate("document.querySelector('#text').value") == "/say ho ho"
    await page.press("Enter")
    await page.until("document.querySelector('.waiting span')?.innerText === 'Javis 正在思考…'")
    assert await page.evaluate("document.querySelector('.above').innerText") == "我 使用了 /say"
    bot.go_on.set()
    await page.until(f"{LAST_WORDS} === 'said ho ho' && !document.querySelector('.waiting')")
    assert await page.evaluate("document.querySelector('.words strong').innerText") == "said"


async def test_ephemeral_answer_is_shown_to_the_asker_alone(page: Page) -> None:
    await write(page, "/whisper")
    await page.until(f"{LAST_WORDS} === 'psst'")
    assert "只有你" in await page.evaluate("document.querySelector('.note').innerText")
    await page.click(f'#speakers label:has(input[value="{PEOPLE[1]}"])')
    await page.until("document.querySelector('.empty')")


async def test_markdown_is_drawn_and_unsafe_links_are_not(page: Page, bot: Bot) -> None:
    text = (
        f"# Title\n**bold** *it* __under__ ~~old~~ `co*de` ||secret|| <@{PEOPLE[1]}> \\*plain\\*\n> quote\n- item\n"
        "[safe](https://example.org/) [bad](javascript:alert(1))\n```python\nprint(1)\n```end"
    )
    await bot.text_channel(CHANNEL).send(text, allowed_mentions=discord.AllowedMentions.none())
    await page.until("document.querySelector('.words')")
    wanted = {
        ".heading": "Title", "strong": "bold", "em": "it", "u": "under", "s": "old", ".words > code": "co*de",
        ".spoiler": "secret", ".mention": "@同事", "blockquote": "quote", ".item span": "item", "pre": "print(1)",
    }  # fmt: skip
    for selector, words in wanted.items():
        assert await page.evaluate(f"document.querySelector('.message {selector}').textContent") == words
    drawn = await page.evaluate("document.querySelector('.words').textContent")
    assert "*plain*" in drawn
    assert drawn.endswith("end")
    assert await page.evaluate("[...document.querySelectorAll('.words a')].map((each) => each.href)") == [
        "https://example.org/"
    ]


async def test_thread_is_opened_at_a_message_and_spoken_in(page: Page, simulator: Simulator) -> None:
    simulator.discord.say(CHANNEL, PEOPLE[1], "a long story")
    await page.until(f"{LAST_WORDS} === 'echo: a long story'")  # until then the words may still move
    await page.click(".message .thread")
    await page.until("document.querySelector('#title').innerText === 'a long story'")
    await write(page, "in the thread")
    await page.until(f"{LAST_WORDS} === 'echo: in the thread'")
    assert simulator.discord.sent(CHANNEL)[0]["content"] == "echo: a long story"


async def test_words_in_the_forum_open_a_post(page: Page, simulator: Simulator) -> None:
    await page.click(f'[data-place="{FORUM_CHANNEL}"]')
    await write(page, "A question")
    await page.until("document.querySelector('#title').innerText === 'A question'")
    await page.until(f"{LAST_WORDS} === 'echo: A question'")


async def test_words_that_come_while_the_page_reads_the_server_anew_are_kept(page: Page, simulator: Simulator) -> None:
    await page.evaluate(
        "{ const get = window.fetch, parse = JSON.parse, held = new Promise((done) => { window.release = done; });"
        "window.fetch = async (...args) => { const state = await get(...args);"
        " if (args[0].endsWith('discord/state')) { window.read = true; await held; } return state; };"
        "JSON.parse = (words) => { window.heard ||= words.includes('echo: mind me'); return parse(words); }; }"
    )
    message = simulator.discord.say(CHANNEL, PEOPLE[1], "a long story")
    simulator.discord.react(CHANNEL, message, PEOPLE[1], "👍")
    await page.until("window.read")
    simulator.discord.say(CHANNEL, PEOPLE[0], "mind me")
    await page.until("window.heard")
    await page.evaluate("window.release()")
    await page.until("document.querySelector('.reactions')")
    assert await page.evaluate(LAST_WORDS) == "echo: mind me"
    assert await page.evaluate("document.querySelectorAll('.message').length") == 4


async def test_direct_chat_belongs_to_whoever_speaks(page: Page, simulator: Simulator) -> None:
    await page.click("[data-place=discord-direct]")
    await write(page, "secret")
    await page.until(f"{LAST_WORDS} === 'echo: secret'")
    await page.click(f'#speakers label:has(input[value="{PEOPLE[1]}"])')
    await page.until("document.querySelector('.empty')")


async def test_connection_is_ended_and_begun_anew_from_the_panel(page: Page, simulator: Simulator) -> None:
    await page.click("[data-gateway=reconnect]")
    async with asyncio.timeout(PATIENCE_SECONDS):
        await simulator.discord.wait_until(lambda: simulator.discord.gateway.resumes == 1)
    await page.click("[data-fault=discord_server_error]")
    await page.until("document.querySelector('[data-fault=discord_server_error]').checked")
    async with asyncio.timeout(PATIENCE_SECONDS):
        while [each.kind for each in simulator.discord.faults.active] != ["server_error"]:
            await asyncio.sleep(0)


@pytest.mark.parametrize("width", [390, 820, 1280])
async def test_page_never_scrolls_sideways(page: Page, simulator: Simulator, width: int) -> None:
    code = "x = " + "1 + " * 200 + "1"
    simulator.discord.say(CHANNEL, PEOPLE[0], f"```python\n{code}\n```\nhttps://example.org/{'a' * 500}")
    await page.until("document.querySelector('.code-block')")
    await page.resize(width, 844, mobile=width == 390)
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    overflow = "(() => { const log = document.querySelector('#log'); return log.scrollWidth - log.clientWidth; })()"
    assert await page.evaluate(overflow) == 0
