"""The simulator's page in a real browser, with a real python-telegram-bot on the other side."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import telegram
from telegram import BotCommand, InlineKeyboardButton, InlineKeyboardMarkup, MessageEntity
from telegram.request import HTTPXRequest

from channels.simulator.discord.seed import CHANNEL
from channels.simulator.seed import FIRST_USER, GROUP
from channels.simulator.server import Simulator
from tests.chromium import Page, open_page
from tests.patience import PATIENCE_SECONDS

EXAMPLE = "Kimi：寫一個 Python 的費波那契函數，包含單元測試"
LAST_WORDS = "document.querySelector('.message:last-child .words')?.innerText"


@pytest.fixture
async def bot(simulator: Simulator) -> AsyncIterator[telegram.Bot]:
    calls, polls = (HTTPXRequest(read_timeout=PATIENCE_SECONDS, connect_timeout=PATIENCE_SECONDS) for _ in range(2))
    base_url = f"{simulator.telegram_api_base}/bot"
    async with telegram.Bot(simulator.telegram_token, base_url, request=calls, get_updates_request=polls) as bot:
        yield bot


@pytest.fixture
async def page(simulator: Simulator, browser: str) -> AsyncIterator[Page]:
    """The page, drawn; a script that failed in it fails the test."""
    async with open_page(browser) as page:
        await page.resize(1280, 800)
        await page.goto(simulator.url)
        await page.until("document.body.dataset.ready")
        yield page
        assert page.errors == []


@pytest.fixture
async def echo(bot: telegram.Bot) -> AsyncIterator[None]:
    """A bot that answers every message with its own words, as a reply."""

    async def run() -> None:
        offset = 0
        while True:
            for update in await bot.get_updates(offset, timeout=20):
                offset = update.update_id + 1
                if update.message is not None:
                    await update.message.reply_text(f"echo: {update.message.text}", do_quote=True)

    task = asyncio.create_task(run(), name="echo")
    yield
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def write(page: Page, text: str) -> None:
    await page.click("#text")
    await page.type(text)
    await page.press("Enter")


async def test_who_types_on_while_a_message_is_sent_writes_the_next_one(page: Page) -> None:
    await page.evaluate(
        "{ const real = window.fetch, held = new Promise((done) => { window.release = done; });"
        "window.fetch = async (...args) => { await held; return real(...args); }; }"
    )
    await write(page, "one")
    await page.type("two")
    await page.evaluate("window.release()")
    await page.until(f"{LAST_WORDS} === 'one'")
    assert await page.evaluate("document.querySelector('#text').value") == "two"


@pytest.mark.usefixtures("echo")
async def test_written_message_and_the_bots_answer_appear(page: Page, simulator: Simulator) -> None:
    await write(page, "hello <b>there</b>")
    await page.until(f"{LAST_WORDS} === 'echo: hello <b>there</b>'")
    assert await page.evaluate("document.querySelector('.message.mine .words').innerText") == "hello <b>there</b>"
    assert await page.evaluate("document.querySelector('.quote span').innerText") == "hello <b>there</b>"
    assert await page.evaluate("document.querySelector('#presence').className") == "presence on"
    assert [each["text"] for each in simulator.telegram.sent(GROUP)] == ["echo: hello <b>there</b>"]


DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
CHOOSE = f"""{{
  const bytes = Uint8Array.from(atob("{DOT}"), (each) => each.charCodeAt(0));
  const chosen = new DataTransfer();
  chosen.items.add(new File([bytes], "dot.png", {{type: "image/png"}}));
  document.querySelector("#file").files = chosen.files;
  document.querySelector("#file").dispatchEvent(new Event("change"));
}}"""
PICTURE = "document.querySelector('.message.mine .picture img')?.naturalWidth === 1"


async def test_a_picture_is_sent_with_what_stands_in_the_box(page: Page, simulator: Simulator) -> None:
    await page.click("#text")
    await page.type("look")
    await page.evaluate(CHOOSE)
    await page.until(PICTURE)
    message = simulator.telegram.pending[-1]["message"]
    assert message["caption"] == "look"
    assert len(message["photo"]) == 1
    await page.click(f'[data-place="{CHANNEL}"]')
    await page.evaluate(CHOOSE)
    await page.until(PICTURE)
    *_, posted = simulator.discord.state.places[CHANNEL].messages.values()
    assert posted["attachments"][0]["content_type"] == "image/png"


@pytest.mark.usefixtures("echo")
async def test_example_is_sent_with_one_click(page: Page) -> None:
    assert EXAMPLE in await page.evaluate("document.querySelector('#try').innerText")
    await page.click("#try")
    await page.until(f"{LAST_WORDS} === {json.dumps('echo: ' + EXAMPLE)}")
    assert await page.evaluate("document.querySelector('#try').hidden")


async def test_another_person_speaks_after_being_chosen(page: Page, simulator: Simulator) -> None:
    await page.click(f'#speakers label:has(input[value="{FIRST_USER + 1}"])')
    await write(page, "I am the colleague")
    await page.until("document.querySelector('.message.mine')")
    assert simulator.telegram.pending[-1]["message"]["from"]["id"] == FIRST_USER + 1


async def test_direct_chat_belongs_to_whoever_speaks(page: Page, simulator: Simulator, bot: telegram.Bot) -> None:
    await bot.send_message(FIRST_USER, "just for you")
    await page.until("document.querySelector('[data-place=direct] .unread')?.innerText === '1'")
    await page.click("[data-place=direct]")
    await page.until(f"{LAST_WORDS} === 'just for you'")
    await write(page, "thanks")
    await page.until("document.querySelector('.message.mine')")
    assert simulator.telegram.pending[-1]["message"]["chat"]["id"] == FIRST_USER
    await page.click(f'#speakers label:has(input[value="{FIRST_USER + 1}"])')
    await page.until("document.querySelector('.empty')")


async def test_entities_are_drawn_and_unsafe_links_are_not(page: Page, bot: telegram.Bot) -> None:
    text = "😀 bold code unsafe safe old secret quote\nprint(1)"
    words = {"bold": "strong", "code": "code", "old": "s", "secret": ".spoiler", "quote": "blockquote"}
    kinds = {"old": "strikethrough", "secret": "spoiler", "quote": "blockquote"}

    def entity(part: str, kind: str, **fields: Any) -> MessageEntity:
        before = len(text.partition(part)[0].encode("utf-16-le")) // 2
        return MessageEntity(kind, before, len(part), **fields)

    entities = [entity(part, kinds.get(part, part)) for part in words]
    entities.append(entity("unsafe", "text_link", url="javascript:alert(1)"))
    entities.append(entity(" safe", "text_link", url="https://example.org/"))
    entities.append(entity("print(1)", "pre", language="python"))
    await bot.send_message(GROUP, text, entities=entities)
    await page.until("document.querySelector('.words')")
    for part, selector in words.items():
        assert await page.evaluate(f"document.querySelector('.words {selector}').textContent") == part
    links = await page.evaluate("[...document.querySelectorAll('.words a')].map((each) => each.href)")
    assert links == ["https://example.org/"]
    assert await page.evaluate("document.querySelector('.code-block pre').innerText") == "print(1)"
    assert await page.evaluate("document.querySelector('.code-head span').innerText") == "python"
    await page.click(".spoiler")
    assert await page.evaluate("document.querySelector('.spoiler').classList.contains('open')")


async def test_line_break_that_ends_a_quote_draws_no_empty_line(page: Page, bot: telegram.Bot) -> None:
    text = "before\n\nquote\n\nafter"
    await bot.send_message(GROUP, text, entities=[MessageEntity("blockquote", text.index("quote"), len("quote"))])
    await page.until("document.querySelector('.words blockquote')")
    assert await page.evaluate("document.querySelector('.words blockquote').nextSibling.data") == "\nafter"


async def test_button_under_a_message_presses(page: Page, simulator: Simulator, bot: telegram.Bot) -> None:
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("取消", callback_data="cancel:1")]])
    message = await bot.send_message(GROUP, "running", reply_markup=markup)
    await page.click(".keyboard button")
    query = (await bot.get_updates(timeout=50))[-1].callback_query
    assert query is not None
    assert query.data == "cancel:1"
    await query.answer("已取消")
    await page.until("document.querySelector('#toast:not([hidden])')?.innerText === '已取消'")
    await message.edit_text("cancelled")
    await page.until(f"{LAST_WORDS} === 'cancelled' && !document.querySelector('.keyboard')")
    await message.delete()
    await page.until("!document.querySelector('.message')")
    assert len(simulator.telegram.sent()) == 0


async def test_typing_is_shown_until_the_answer_comes(page: Page, bot: telegram.Bot) -> None:
    await bot.send_chat_action(GROUP, "typing")
    subtitle = "document.querySelector('#subtitle').innerText"
    await page.until(f"document.querySelector('.typing') && {subtitle} === 'Javis 正在輸入…'")
    await bot.send_message(GROUP, "done")
    await page.until(f"!document.querySelector('.typing') && {LAST_WORDS} === 'done'")


async def test_a_message_that_grows_is_read_along(page: Page, bot: telegram.Bot) -> None:
    shown = await bot.send_message(GROUP, "line 0 …")
    words = "\n".join(f"line {number}" for number in range(200))
    await shown.edit_text(words[:400])
    await page.until(f"{LAST_WORDS}.length === 400")
    await shown.edit_text(words)
    await page.until(f"{LAST_WORDS}.endsWith('line 199')")
    assert await page.evaluate("document.querySelectorAll('.message').length") == 1
    end = await page.evaluate("document.querySelector('.message .words').getBoundingClientRect().bottom")
    assert end <= 800, "the newest line is in sight"


async def test_slash_opens_the_bots_commands_for_the_keyboard(page: Page, bot: telegram.Bot) -> None:
    await bot.set_my_commands([BotCommand("ask", "問"), BotCommand("kimi", "派任務")])
    await page.click("#text")
    await page.type("/")
    await page.until("document.querySelectorAll('#menu:not([hidden]) li').length === 2")
    await page.press("ArrowDown")
    await page.press("Enter")
    assert await page.evaluate("document.querySelector('#text').value") == "/kimi "
    assert await page.evaluate("document.querySelector('#menu').hidden")


async def test_command_that_is_written_out_is_sent_by_enter(page: Page, bot: telegram.Bot) -> None:
    await bot.set_my_commands([BotCommand("ask", "問"), BotCommand("kimi", "派任務")])
    await page.click("#text")
    await page.type("/kimi")
    await page.until("document.querySelectorAll('#menu:not([hidden]) li').length === 1")
    await page.press("Enter")
    await page.until(f"{LAST_WORDS} === '/kimi'")
    assert await page.evaluate("document.querySelector('#menu').hidden")


async def test_reply_button_answers_that_message(page: Page, simulator: Simulator, bot: telegram.Bot) -> None:
    message = await bot.send_message(GROUP, "which one?")
    await page.click(".message .reply")
    await write(page, "this one")
    await page.until("document.querySelector('.message.mine')")
    assert simulator.telegram.pending[-1]["message"]["reply_to_message"]["message_id"] == message.message_id


async def test_fault_switch_loses_one_answer_and_turns_itself_off(
    page: Page, simulator: Simulator, bot: telegram.Bot
) -> None:
    await page.click("[data-fault=lose_answer]")
    await page.until("document.querySelector('.switches em:not(:empty)')")
    with pytest.raises(telegram.error.NetworkError):
        await bot.send_message(GROUP, "lost")
    await page.until("!document.querySelector('[data-fault=lose_answer]').checked")
    await page.until("document.querySelector('#road .bad')")
    assert "sendMessage" in await page.evaluate("document.querySelector('#road .bad').innerText")
    assert len(simulator.telegram.sent()) == 1


async def test_page_speaks_english_to_an_english_browser(simulator: Simulator, browser: str) -> None:
    async with open_page(browser, language="en-GB") as page:
        await page.goto(simulator.url)
        await page.until("document.body.dataset.ready")
        assert await page.evaluate("document.documentElement.lang") == "en"
        assert await page.evaluate("document.querySelector('#speakers').innerText.includes('Colleague')")
    assert simulator.telegram.users[FIRST_USER]["language_code"] == "en"


@pytest.mark.parametrize("language", ["zh-TW", "en-GB"])
async def test_page_never_scrolls_sideways(
    simulator: Simulator, bot: telegram.Bot, browser: str, language: str
) -> None:
    code = "x = " + "1 + " * 200 + "1"
    await bot.send_message(GROUP, code, entities=[MessageEntity("pre", 0, len(code))])
    await bot.send_message(GROUP, "https://example.org/" + "a" * 500)
    async with open_page(browser, language=language) as page:
        await page.resize(390, 844, mobile=True)
        await page.goto(simulator.url)
        await page.until("document.querySelectorAll('.message').length === 2")
        for width in (390, 820, 1280):
            await page.resize(width, 844, mobile=width == 390)
            assert await page.evaluate("document.documentElement.scrollWidth") == width
            overflow = (
                "(() => { const log = document.querySelector('#log'); return log.scrollWidth - log.clientWidth; })()"
            )
            assert await page.evaluate(overflow) == 0


async def test_everything_to_operate_has_a_name(page: Page) -> None:
    nameless = await page.evaluate(
        "[...document.querySelectorAll('button, input, textarea, [role=listbox], [role=tablist]')]"
        ".filter((each) => !(each.getAttribute('aria-label') || each.innerText || each.closest('label')?.innerText))"
        ".map((each) => each.outerHTML)"
    )
    assert nameless == []
