"""How an answer takes the place of the messages that showed its beginning, on Discord."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from discord.utils import time_snowflake

from channels.discord.config import DiscordRate
from channels.discord.sending import NOBODY, TOKEN_LIFE
from channels.errors import OutcomeUnknown, RateLimited
from channels.message import Delivery, Destination, OutboundMessage, Receipt
from channels.port import Channel, ShowsDrafts
from tests.unit.discord.server import Setting, body, hang_up, refusal, slow_down
from tests.unit.discord.setting import BOT, BOT_AUTHOR, CHANNEL

ID, NAME = "0123456789abcdef01234567", "d0123456789abcdef01234567"
DRAFT = "1480000000000000001"
CHAT = Destination("discord", "default", CHANNEL)
MESSAGES = f"POST /channels/{CHANNEL}/messages"
EDIT = f"PATCH /channels/{CHANNEL}/messages/{DRAFT}"
ORIGINAL = f"PATCH /webhooks/{BOT}/a-token/messages/@original"
UNKNOWN_MESSAGE = refusal(404, 10008, "Unknown Message")
BEGINNING = OutboundMessage(CHAT, "It **be", "markdown", unfinished=True)
ANSWER = OutboundMessage(CHAT, "It **is**", "markdown", drafts=(DRAFT,))


async def show(channel: Channel, beginning: OutboundMessage = BEGINNING) -> Receipt:
    assert isinstance(channel, ShowsDrafts)
    (part,) = channel.render(beginning)
    return await channel.show_draft(Delivery(NAME, CHAT, part))


def delivery(channel: Channel, answer: OutboundMessage = ANSWER) -> Delivery:
    (part,) = channel.render(answer)
    return Delivery(ID, CHAT, part)


async def test_a_beginning_has_a_nonce_of_its_own_and_an_edit_mentions_nobody(setting: Setting) -> None:
    async with setting.open() as channel:
        await show(channel)
        await channel.send(delivery(channel))
    (begun,) = setting.server.calls_of(MESSAGES)
    assert (begun["content"], begun["nonce"], begun["enforce_nonce"]) == ("It **be** …", NAME, True)
    assert setting.server.calls_of(EDIT) == [{"content": "It **is**", "allowed_mentions": NOBODY, "flags": 4}]


async def test_an_answer_whose_draft_was_deleted_is_a_message_of_its_own(setting: Setting) -> None:
    setting.server.script[EDIT].append(UNKNOWN_MESSAGE)
    async with setting.open() as channel:
        await channel.send(delivery(channel))
    (sent,) = setting.server.calls_of(MESSAGES)
    assert (sent["content"], sent["nonce"]) == ("It **is**", ID)


async def test_a_left_over_draft_that_is_gone_needs_no_more(setting: Setting) -> None:
    setting.server.script[f"DELETE /channels/{CHANNEL}/messages/{DRAFT}"].append(UNKNOWN_MESSAGE)
    async with setting.open() as channel:
        _, gone = channel.render(replace(ANSWER, drafts=("1480000000000000000", DRAFT)))
        assert await channel.send(Delivery(ID, CHAT, gone)) == Receipt(None)


def commanded(setting: Setting, message: OutboundMessage) -> OutboundMessage:
    """`message` as the answer to a command of this moment."""
    return replace(message, reply_to=str(time_snowflake(setting.clock.now())), reply_token=f"{BOT}:a-token")


async def test_the_answer_to_a_command_grows_where_discord_says_that_the_bot_thinks(setting: Setting) -> None:
    async with setting.open() as channel:
        await show(channel, commanded(setting, BEGINNING))
        await channel.send(delivery(channel, commanded(setting, ANSWER)))
    assert [each["content"] for each in setting.server.calls_of(ORIGINAL)] == ["It **be** …", "It **is**"]
    assert not setting.server.calls_of(MESSAGES)


async def test_a_late_answer_to_a_command_takes_the_place_of_its_draft_too(setting: Setting) -> None:
    async with setting.open() as channel:
        answer = delivery(channel, commanded(setting, ANSWER))
        await setting.clock.advance((TOKEN_LIFE + timedelta(seconds=1)).total_seconds())
        assert (await channel.send(answer)).message_id is not None
    assert len(setting.server.calls_of(EDIT)) == 1
    assert not setting.server.calls_of(MESSAGES)


async def test_an_edit_whose_end_nobody_saw_is_repeated(setting: Setting) -> None:
    setting.server.script[EDIT].append(hang_up)
    async with setting.open() as channel:
        with pytest.raises(OutcomeUnknown):
            await channel.send(delivery(channel))
        assert await channel.settle(delivery(channel), setting.clock.now()) == Receipt(DRAFT)
    assert len(setting.server.calls_of(EDIT)) == 2
    assert not setting.server.calls_of(MESSAGES)


async def test_where_the_draft_is_gone_the_history_tells_whether_the_answer_arrived(setting: Setting) -> None:
    found: dict[str, Any] = {"id": "9", "author": BOT_AUTHOR, "content": "It **is**", "nonce": ID}
    setting.server.script[EDIT].append(UNKNOWN_MESSAGE)
    setting.server.script[f"GET /channels/{CHANNEL}/messages"].append(body([found]))
    async with setting.open() as channel:
        assert await channel.settle(delivery(channel), setting.clock.now()) == Receipt("9")


async def test_a_draft_never_waits_for_a_place(setting: Setting) -> None:
    setting.rate = DiscordRate(bot_per_second=None, chat_per_second=1)
    async with setting.open() as channel:
        await show(channel)
        with pytest.raises(RateLimited) as wish:
            await show(channel)
    assert 1 <= wish.value.retry_after_seconds <= 2
    assert len(setting.server.calls_of(MESSAGES)) == 1


async def test_a_draft_that_is_told_to_wait_holds_its_channel(setting: Setting) -> None:
    setting.server.script[MESSAGES].append(slow_down(7))
    async with setting.open() as channel:
        for _ in range(2):
            with pytest.raises(RateLimited) as wish:
                await show(channel)
            assert wish.value.retry_after_seconds == pytest.approx(7)
    assert len(setting.server.calls_of(MESSAGES)) == 1
