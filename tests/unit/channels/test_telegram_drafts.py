"""How an answer takes the place of the messages that showed its beginning, on Telegram."""

from dataclasses import replace

import pytest

from channels.clock import ManualClock
from channels.errors import OutcomeUnknown, RateLimited
from channels.message import Button, Delivery, Destination, OutboundMessage, Receipt
from channels.port import Channel, ShowsDrafts
from channels.telegram.config import TelegramRate
from channels.telegram.render import render_message
from tests.unit.channels.setting import Answer, hang_up, refusal
from tests.unit.channels.test_telegram_channel import opened

GROUP = Destination("telegram", "default", "-1001", "42")
ID = "0" * 24
ANSWER = OutboundMessage(
    GROUP, "It **is**", "markdown", reply_to="5", drafts=("7",), buttons=(Button("Again", "/retry"),)
)
NOT_FOUND = refusal(400, "Bad Request: message to edit not found")


def delivery(channel: Channel, answer: OutboundMessage = ANSWER) -> Delivery:
    (part,) = channel.render(answer)
    return Delivery(ID, answer.destination, part)


async def test_an_edit_has_the_words_and_the_buttons_of_the_answer() -> None:
    async with opened() as (api, channel):
        assert await channel.send(delivery(channel)) == Receipt("7")
    (edit,) = api.calls_of("editMessageText")
    assert (edit["chat_id"], edit["message_id"], edit["text"]) == (-1001, 7, "It is")
    assert edit["entities"] == [{"type": "bold", "offset": 3, "length": 2}]
    assert edit["reply_markup"]["inline_keyboard"]
    assert not {"message_thread_id", "reply_parameters", "draft"} & set(edit)
    assert api.calls_of("sendMessage") == []


async def test_what_reads_so_already_is_left_as_it_is() -> None:
    async with opened() as (api, channel):
        api.script["editMessageText"].append(refusal(400, "Bad Request: message is not modified: same content"))
        assert await channel.send(delivery(channel)) == Receipt("7")


@pytest.mark.parametrize("answer", [NOT_FOUND, refusal(400, "Bad Request: MESSAGE_ID_INVALID")])
async def test_an_answer_whose_draft_is_gone_is_a_message_of_its_own(answer: Answer) -> None:
    async with opened() as (api, channel):
        api.script["editMessageText"].append(answer)
        await channel.send(delivery(channel))
    (sent,) = api.calls_of("sendMessage")
    assert (sent["text"], sent["message_thread_id"]) == ("It is", 42)
    assert sent["reply_parameters"]["message_id"] == 5
    assert "draft" not in sent


async def test_a_draft_of_a_chat_that_moved_is_no_message_of_the_new_chat() -> None:
    async with opened() as (api, channel):
        moved = replace(delivery(channel), destination=replace(GROUP, chat="-1002"))
        await channel.send(moved)
        _, left_over = channel.render(replace(ANSWER, buttons=(), drafts=("7", "8")))
        assert await channel.send(Delivery(ID, moved.destination, left_over)) == Receipt(None)
    assert api.calls_of("editMessageText") == api.calls_of("deleteMessage") == []
    assert len(api.calls_of("sendMessage")) == 1


async def test_a_left_over_draft_that_is_gone_needs_no_more() -> None:
    async with opened() as (api, channel):
        api.script["deleteMessage"].append(refusal(400, "Bad Request: message to delete not found"))
        _, left_over = channel.render(replace(ANSWER, drafts=("7", "8")))
        assert await channel.send(Delivery(ID, GROUP, left_over)) == Receipt(None)
    assert api.calls_of("deleteMessage") == [{"chat_id": -1001, "message_id": 8}]


async def test_entities_that_telegram_refuses_are_left_out_of_an_edit_too() -> None:
    async with opened() as (api, channel):
        api.script["editMessageText"].append(refusal(400, "Bad Request: can't parse entities"))
        assert await channel.send(delivery(channel)) == Receipt("7")
    assert [each.get("entities") is None for each in api.calls_of("editMessageText")] == [False, True]


async def test_an_edit_whose_end_nobody_saw_is_repeated_and_a_message_is_not() -> None:
    async with opened() as (api, channel):
        api.script["editMessageText"].append(hang_up)
        with pytest.raises(OutcomeUnknown):
            await channel.send(delivery(channel))
        now = ManualClock().now()
        assert await channel.settle(delivery(channel), now) == Receipt("7")
        api.script["editMessageText"].append(NOT_FOUND)
        for unknown in (delivery(channel), delivery(channel, replace(ANSWER, drafts=()))):
            with pytest.raises(OutcomeUnknown):
                await channel.settle(unknown, now)
    assert api.calls_of("sendMessage") == []


async def test_a_draft_never_waits_for_a_place_and_a_429_holds_its_chat() -> None:
    rate = TelegramRate(bot_per_second=30, chat_per_second=1, group_per_minute=20)
    async with opened(rate=rate) as (api, channel):
        assert isinstance(channel, ShowsDrafts)
        (part,) = channel.render(replace(ANSWER, unfinished=True, buttons=()))
        api.script["editMessageText"].append(refusal(429, "Too Many Requests: retry after 9", retry_after=9))
        for _ in range(2):
            with pytest.raises(RateLimited) as wish:
                await channel.show_draft(Delivery(ID, GROUP, part))
            assert wish.value.retry_after_seconds == pytest.approx(9)
    assert len(api.calls_of("editMessageText")) == 1


def test_a_draft_takes_the_beginning_of_what_becomes_a_file() -> None:
    long = replace(ANSWER, text="Some *words*.\n\n" * 2000, drafts=("7", "8", "9"))
    beginning, file, *left_over = render_message(long, "file")
    assert beginning["text"].startswith("Some words.")
    assert beginning["draft"]["message"] == "7"
    assert file["document"]["text"] == long.text
    assert "draft" not in file, "no text can become a file"
    assert [each["left_over"]["message"] for each in left_over] == ["8", "9"]
    shown = render_message(replace(long, unfinished=True, drafts=(), buttons=()), "file")
    assert len(shown) == 3
