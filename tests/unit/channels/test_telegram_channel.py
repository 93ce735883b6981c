"""The Telegram channel as a whole: log-in, sending and its failures, typing, buttons, menus."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from channels.clock import ManualClock
from channels.errors import (
    ChannelError,
    ChatClosed,
    ChatMoved,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
)
from channels.message import Button, Delivery, Destination, InboundMessage, JsonObject, OutboundMessage, Receipt
from channels.port import Channel, CommandCard
from channels.telegram.channel import open_telegram
from channels.telegram.config import TelegramRate
from channels.testing import MemoryInbox, eventually
from tests.unit.channels.setting import (
    ME,
    TOKEN,
    UNLIMITED,
    Answer,
    ScriptedApi,
    body,
    hang_up,
    refusal,
    result,
    scripted_api,
    telegram_context,
)

GROUP = Destination("telegram", "default", "-1001", "42")
DELIVERY = Delivery("0" * 24, GROUP, {"text": "hello"})


@asynccontextmanager
async def opened(
    clock: ManualClock | None = None, rate: TelegramRate = UNLIMITED
) -> AsyncIterator[tuple[ScriptedApi, Channel]]:
    async with (
        scripted_api() as api,
        open_telegram(telegram_context(api.base, clock or ManualClock(), rate=rate)) as channel,
    ):
        yield api, channel


async def test_an_open_channel_knows_the_bots_name() -> None:
    async with opened() as (_, channel):
        assert channel.identity == "@javis_bot"
        assert list(channel.notes) == []


async def test_privacy_mode_is_explained() -> None:
    async with scripted_api() as api:
        api.script["getMe"].append(result(ME | {"can_read_all_group_messages": False}))
        async with open_telegram(telegram_context(api.base, ManualClock())) as channel:
            assert "privacy mode" in channel.notes[0]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(401, "Unauthorized"), Unauthorized),
        (refusal(404, "Not Found"), Unauthorized),
        (body({"hello": "world"}), NotSent),
        (body(b"<html>"), OutcomeUnknown),
        (refusal(429, "Too Many Requests: retry after 3", retry_after=3), RateLimited),
        (hang_up, OutcomeUnknown),
    ],
)
async def test_a_login_that_fails_says_what_to_do(answer: Answer, kind: type[ChannelError]) -> None:
    async with scripted_api() as api:
        api.script["getMe"].append(answer)
        with pytest.raises(kind) as caught:
            async with open_telegram(telegram_context(api.base, ManualClock())):
                pass
        assert type(caught.value) is kind


@pytest.mark.parametrize("token", [None, "", "wrong"])
async def test_a_login_without_the_right_token_is_unauthorized(token: str | None) -> None:
    async with scripted_api() as api:
        with pytest.raises(Unauthorized) as caught:
            async with open_telegram(telegram_context(api.base, ManualClock(), token=token)):
                pass
        assert TOKEN not in str(caught.value)


async def test_a_server_that_is_not_there_is_told_at_once() -> None:
    with pytest.raises(NotSent):
        async with open_telegram(telegram_context("http://127.0.0.1:1", ManualClock())):
            pass


async def test_a_part_goes_to_its_chat_and_topic_and_the_receipt_names_it() -> None:
    async with opened() as (api, channel):
        message = OutboundMessage(GROUP, "**hello**", "markdown", reply_to="7", buttons=(Button("Stop", "/cancel 1"),))
        (payload,) = channel.render(message)
        api.script["sendMessage"].append(result({"message_id": 555}))
        assert await channel.send(replace(DELIVERY, payload=payload)) == Receipt("555")
        (sent,) = api.calls_of("sendMessage")
    assert sent == {
        "chat_id": -1001,
        "message_thread_id": 42,
        "text": "hello",
        "entities": [{"type": "bold", "offset": 0, "length": 5}],
        "link_preview_options": {"is_disabled": True},
        "reply_parameters": {"message_id": 7, "allow_sending_without_reply": True},
        "reply_markup": {"inline_keyboard": [[{"text": "Stop", "callback_data": "/cancel 1"}]]},
    }


async def test_a_possible_duplicate_is_labelled() -> None:
    async with opened() as (api, channel):
        await channel.send(replace(DELIVERY, label="⚠️ 可能重複"))
        assert api.calls_of("sendMessage")[0]["text"] == "⚠️ 可能重複\nhello"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal(400, "Bad Request: chat not found"), Refused),
        (refusal(400, "Bad Request: message thread not found"), Refused),
        (refusal(403, "Forbidden: bot was kicked from the group chat"), ChatClosed),
        (refusal(401, "Unauthorized"), Unauthorized),
        (refusal(404, "Not Found"), Unauthorized),
        (refusal(409, "Conflict"), NotSent),
        (refusal(500, "Internal Server Error"), OutcomeUnknown),
        (body(b"<html>bad gateway</html>", 502), OutcomeUnknown),
        (hang_up, OutcomeUnknown),
        (body(b"{"), OutcomeUnknown),
        (body({"ok": True}), OutcomeUnknown),
        (result({}), OutcomeUnknown),
        (result({"message_id": "5"}), OutcomeUnknown),
        (result([]), OutcomeUnknown),
    ],
)
async def test_each_failure_says_what_to_do_next(answer: Answer, kind: type[ChannelError]) -> None:
    async with opened() as (api, channel):
        api.script["sendMessage"].append(answer)
        with pytest.raises(ChannelError) as caught:
            await channel.send(DELIVERY)
        assert type(caught.value) is kind
        assert len(api.calls_of("sendMessage")) == 1
        assert TOKEN not in str(caught.value)


async def test_a_server_that_went_away_took_nothing() -> None:
    async with scripted_api() as api:
        api.script["getMe"].append(body({"ok": True, "result": ME}, headers={"Connection": "close"}))
        async with open_telegram(telegram_context(api.base, ManualClock())) as channel:
            await api.stop()
            with pytest.raises(NotSent) as caught:
                await channel.send(DELIVERY)
            assert type(caught.value) is NotSent


async def test_a_group_that_became_a_supergroup_tells_its_new_id() -> None:
    async with opened() as (api, channel):
        api.script["sendMessage"].append(
            refusal(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-1002)
        )
        with pytest.raises(ChatMoved) as caught:
            await channel.send(DELIVERY)
        assert caught.value.new_chat == "-1002"


async def test_entities_that_telegram_refuses_are_left_out_once() -> None:
    wrong = refusal(400, "Bad Request: can't parse entities: entity beginning at 0 ends after the end of the text")
    entities = [{"type": "bold", "offset": 0, "length": 99}]
    async with opened() as (api, channel):
        api.script["sendMessage"].append(wrong)
        await channel.send(replace(DELIVERY, payload={"text": "hello", "entities": entities}))
        first, second = api.calls_of("sendMessage")
        assert (first["entities"], second.get("entities"), second["text"]) == (entities, None, "hello")
        api.script["sendMessage"].extend([wrong, wrong])
        with pytest.raises(Refused):
            await channel.send(replace(DELIVERY, payload={"text": "hello", "entities": entities}))
        assert len(api.calls_of("sendMessage")) == 4


async def test_a_429_holds_back_this_chat_and_no_other() -> None:
    clock = ManualClock()
    async with opened(clock) as (api, channel):
        api.script["sendMessage"].append(refusal(429, "Too Many Requests: retry after 17", retry_after=17))
        with pytest.raises(RateLimited) as caught:
            await channel.send(DELIVERY)
        assert caught.value.retry_after_seconds == 17
        again = asyncio.create_task(channel.send(DELIVERY))
        await channel.send(replace(DELIVERY, destination=Destination("telegram", "default", "7")))
        await eventually(lambda: clock.sleepers == 1)
        assert not again.done()
        await clock.advance(17)
        assert (await again).message_id


async def test_the_rates_of_the_settings_are_kept() -> None:
    clock = ManualClock()
    async with opened(clock, TelegramRate(bot_per_second=None, chat_per_second=None, group_per_minute=2)) as (
        _,
        channel,
    ):
        sends = [asyncio.create_task(channel.send(DELIVERY)) for _ in range(3)]
        await eventually(lambda: clock.sleepers == 1 and sum(send.done() for send in sends) == 2)
        await clock.advance(60)
        assert all(receipt.message_id for receipt in await asyncio.gather(*sends))


@pytest.mark.parametrize(("chat", "thread"), [("@somebody", None), ("", None), ("-", None), ("7", "x"), ("1e9", None)])
async def test_a_destination_that_is_none_of_telegrams_is_refused(chat: str, thread: str | None) -> None:
    async with opened() as (api, channel):
        with pytest.raises(Refused):
            await channel.send(replace(DELIVERY, destination=Destination("telegram", "default", chat, thread)))
        assert api.calls_of("sendMessage") == []


async def test_typing_is_shown_in_the_topic() -> None:
    async with opened() as (api, channel):
        await channel.show_typing(GROUP)
        assert api.calls_of("sendChatAction") == [{"chat_id": -1001, "message_thread_id": 42, "action": "typing"}]


@pytest.mark.parametrize("answer", [refusal(403, "Forbidden"), refusal(500, "oops"), hang_up, refusal(401, "no")])
async def test_typing_that_fails_disturbs_nobody(answer: Answer) -> None:
    async with opened() as (api, channel):
        api.script["sendChatAction"].append(answer)
        await channel.show_typing(GROUP)
        await channel.show_typing(Destination("telegram", "default", "nonsense"))
        assert (await channel.send(DELIVERY)).message_id


async def test_a_chat_that_is_held_back_shows_no_typing() -> None:
    async with opened() as (api, channel):
        api.script["sendChatAction"].append(refusal(429, "Too Many Requests: retry after 5", retry_after=5))
        await channel.show_typing(GROUP)
        await channel.show_typing(GROUP)
        assert len(api.calls_of("sendChatAction")) == 1


async def test_a_press_is_acknowledged_and_nothing_else_is() -> None:
    async with opened() as (api, channel):
        api.script["answerCallbackQuery"].append(refusal(400, "Bad Request: query is too old"))
        presses: list[JsonObject] = [{"callback_query": {"id": "77"}}, {"message": {}}, {"callback_query": {"id": 5}}]
        for raw in presses:
            await channel.acknowledge_press(raw)
        assert api.calls_of("answerCallbackQuery") == [{"callback_query_id": "77"}]


async def test_menus_are_set_for_each_language_that_telegram_knows() -> None:
    card = CommandCard("new", {}, {"": "新對話", "zh-Hant": "新對話", "zh-Hans": "新对话", "en": "x" * 300})
    async with opened() as (api, channel):
        await channel.publish_commands([card])
        calls = api.calls_of("setMyCommands")
    assert [call.get("language_code", "") for call in calls] == ["", "zh", "en"]
    assert calls[1]["commands"] == [{"command": "new", "description": "新對話"}]
    assert len(calls[2]["commands"][0]["description"]) == 256


async def test_a_menu_that_is_refused_is_told() -> None:
    async with opened() as (api, channel):
        api.script["setMyCommands"].append(refusal(400, "Bad Request: BOT_COMMAND_INVALID"))
        with pytest.raises(Refused):
            await channel.publish_commands([CommandCard("x", {}, {"": "y"})])


async def test_receiving_stores_and_parse_reads_what_was_stored() -> None:
    message = {"message_id": 5, "date": 1, "chat": {"id": 7, "type": "private"}, "from": {"id": 7}, "text": "hi"}
    async with opened() as (api, channel):
        api.script["getUpdates"].append(result([{"update_id": 1, "message": message}]))
        inbox = MemoryInbox()
        receiving = asyncio.create_task(channel.receive(inbox))
        await eventually(lambda: "1" in inbox.stored)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        said = channel.parse(json.loads(inbox.stored["1"].raw))
        assert isinstance(said, InboundMessage)
        assert said.text == "hi"


async def test_nothing_that_is_logged_shows_the_token(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # below that the library shows its addresses; the log's redaction is for those
    caplog.set_level(logging.DEBUG, "channels")
    async with opened() as (api, channel):
        api.script["sendMessage"].extend([hang_up, refusal(401, "Unauthorized")])
        for _ in range(2):
            with pytest.raises(ChannelError):
                await channel.send(DELIVERY)
        await channel.show_typing(GROUP)
        shown = " ".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
        assert TOKEN not in shown + repr(channel)
