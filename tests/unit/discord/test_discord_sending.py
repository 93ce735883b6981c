"""How parts reach Discord, and what each failure means."""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from discord.utils import time_snowflake

from channels.discord.config import DiscordRate
from channels.discord.sending import NOBODY, TOKEN_LIFE
from channels.errors import (
    ChannelError,
    ChatClosed,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    Refused,
    Unauthorized,
)
from channels.message import Delivery, Destination, OutboundMessage, Receipt
from channels.port import Channel
from tests.unit.discord.server import TOKEN, Answer, Setting, body, hang_up, refusal, slow_down
from tests.unit.discord.setting import BOT, BOT_AUTHOR, CHANNEL, THREAD, USER

ID = "0123456789abcdef01234567"
CHAT = Destination("discord", "default", CHANNEL)
MESSAGES = f"POST /channels/{CHANNEL}/messages"
ORIGINAL = f"PATCH /webhooks/{BOT}/a-token/messages/@original"
FOLLOW_UP = f"POST /webhooks/{BOT}/a-token"


def deliveries(channel: Channel, text: str = "hello", destination: Destination = CHAT, **fields: Any) -> list[Delivery]:
    parts = channel.render(OutboundMessage(destination, text, **fields))
    return [Delivery(ID, destination, part) for part in parts]


async def send(
    channel: Channel, text: str = "hello", destination: Destination = CHAT, **fields: Any
) -> Sequence[Receipt]:
    return [await channel.send(each) for each in deliveries(channel, text, destination, **fields)]


def asked_now(setting: Setting, *, private: bool = False) -> dict[str, Any]:
    """What the answer to a command of this moment refers to."""
    token = f"{BOT}:a-token" + (":private" if private else "")
    return {"reply_to": str(time_snowflake(setting.clock.now())), "reply_token": token}


async def test_a_message_bears_its_nonce_and_mentions_nobody(setting: Setting) -> None:
    async with setting.open() as channel:
        (receipt,) = await send(channel, "@everyone", format="markdown", reply_to="1400000000000000005")
    assert setting.server.calls_of(MESSAGES) == [
        {
            "content": "@everyone",
            "nonce": ID,
            "enforce_nonce": True,
            "allowed_mentions": NOBODY,
            "flags": 4,
            "message_reference": {"message_id": "1400000000000000005", "fail_if_not_exists": False},
        }
    ]
    assert receipt.message_id is not None
    assert setting.server.authorizations[MESSAGES] == f"Bot {TOKEN}"


async def test_a_thread_is_sent_to_by_its_own_id(setting: Setting) -> None:
    async with setting.open() as channel:
        await send(channel, destination=Destination("discord", "default", CHANNEL, THREAD))
    assert setting.server.calls_of(f"POST /channels/{THREAD}/messages")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (slow_down(7), RateLimited),
        (slow_down(7, everywhere=True), RateLimited),
        (body(b"<html>cloudflare</html>", 429), RateLimited),
        (refusal(401, 0), Unauthorized),
        (refusal(403, 50001, "Missing Access"), ChatClosed),
        (refusal(403, 50007, "Cannot send messages to this user"), ChatClosed),
        (refusal(403, 50013, "Missing Permissions"), Refused),
        (refusal(400, 50035, "Invalid Form Body"), Refused),
        (refusal(404, 10008), Refused),
        (body(b"no json", 413), Refused),
        (body(b"", 500), OutcomeUnknown),
        (body(b"", 503), OutcomeUnknown),
        (body(b"", 408), OutcomeUnknown),
        (body(b"<html>"), OutcomeUnknown),
        (body([]), OutcomeUnknown),
        (hang_up, OutcomeUnknown),
    ],
)
async def test_each_failure_says_what_to_do_next(
    setting: Setting, answer: Answer, expected: type[ChannelError]
) -> None:
    setting.server.script[MESSAGES].append(answer)
    async with setting.open() as channel:
        with pytest.raises(ChannelError) as caught:
            await send(channel)
        assert type(caught.value) is expected
        assert len(setting.server.calls_of(MESSAGES)) == 1, "one attempt is one request"
        assert setting.clock.sleepers == 0


async def test_nothing_is_sent_where_nobody_listens(setting: Setting) -> None:
    async with setting.open() as channel:
        await setting.server.stop()
        with contextlib.suppress(OutcomeUnknown):  # on a connection that was open before
            await send(channel)
        with pytest.raises(NotSent):
            await send(channel)


async def test_a_429_holds_its_channel_and_no_other(setting: Setting) -> None:
    setting.server.script[MESSAGES].append(slow_down(7))
    async with setting.open() as channel:
        with pytest.raises(RateLimited) as caught:
            await send(channel)
        assert caught.value.retry_after_seconds == 7
        await send(channel, destination=Destination("discord", "default", CHANNEL, THREAD))
        before = setting.clock.monotonic()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(send(channel))
            await setting.until(sending.done)
    assert setting.clock.monotonic() - before >= 7


async def test_the_limit_that_comes_with_an_answer_is_kept(setting: Setting) -> None:
    headers = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "3.5"}
    setting.server.script[MESSAGES].append(body({"id": "1"}, headers=headers))
    async with setting.open() as channel:
        await send(channel)
        before = setting.clock.monotonic()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(send(channel))
            await setting.until(sending.done)
    assert setting.clock.monotonic() - before >= 3.5
    assert len(setting.server.calls_of(MESSAGES)) == 2


async def test_the_settings_rates_hold(setting: Setting) -> None:
    setting.rate = DiscordRate(bot_per_second=None, chat_per_second=1)
    async with setting.open() as channel, asyncio.TaskGroup() as group:
        sending = [group.create_task(send(channel)) for _ in range(8)]
        await setting.until(lambda: all(task.done() for task in sending))
    assert setting.clock.monotonic() >= 5


async def test_without_the_right_to_read_a_message_answers_none(setting: Setting) -> None:
    setting.server.script[MESSAGES].append(refusal(400, 160002, "Cannot reply without permission to read history"))
    async with setting.open() as channel:
        await send(channel, reply_to="1400000000000000005")
    first, second = setting.server.calls_of(MESSAGES)
    assert "message_reference" in first
    assert "message_reference" not in second


async def test_a_person_is_written_to_by_their_own_id(setting: Setting) -> None:
    to_user = Destination("discord", "default", USER)
    for _ in range(2):
        setting.server.script[f"POST /channels/{USER}/messages"].append(refusal(404, 10003))
    setting.server.script["POST /users/@me/channels"].append(body({"id": "210000000000000001"}))
    async with setting.open() as channel:
        await send(channel, "first", to_user)
        await send(channel, "second", to_user)
    texts = [sent["content"] for sent in setting.server.calls_of("POST /channels/210000000000000001/messages")]
    assert texts == ["first", "second"]
    assert setting.server.calls_of("POST /users/@me/channels") == [{"recipient_id": USER}]


async def test_a_channel_that_is_gone_is_refused(setting: Setting) -> None:
    setting.server.script[MESSAGES].append(refusal(404, 10003, "Unknown Channel"))
    setting.server.script["POST /users/@me/channels"].append(refusal(400, 50035))
    async with setting.open() as channel:
        with pytest.raises(ChatClosed, match=r"Unknown Channel \(10003\)"):
            await send(channel)


async def test_a_thread_that_is_gone_does_not_close_its_channel(setting: Setting) -> None:
    setting.server.script[f"POST /channels/{THREAD}/messages"].append(refusal(404, 10003, "Unknown Channel"))
    async with setting.open() as channel:
        with pytest.raises(Refused) as caught:
            await send(channel, destination=Destination("discord", "default", CHANNEL, THREAD))
    assert type(caught.value) is Refused


async def test_the_answer_to_a_command_takes_the_deferred_ones_place(setting: Setting) -> None:
    async with setting.open() as channel:
        await send(channel, "word " * 900, **asked_now(setting))
    (first,), others = setting.server.calls_of(ORIGINAL), setting.server.calls_of(FOLLOW_UP)
    assert len(first["content"]) > 1900
    assert len(others) == 2
    assert all(each["allowed_mentions"] == NOBODY and each["flags"] == 4 for each in (first, *others))
    assert setting.server.authorizations[ORIGINAL] is None, "an interaction's token is its own authority"
    assert not setting.server.calls_of(MESSAGES)


async def test_a_private_answer_stays_private_in_all_its_parts(setting: Setting) -> None:
    async with setting.open() as channel:
        await send(channel, "word " * 900, **asked_now(setting, private=True))
    assert [each["flags"] for each in setting.server.calls_of(FOLLOW_UP)] == [4 | 64] * 2


@pytest.mark.parametrize("late", [TOKEN_LIFE, timedelta(hours=5)])
async def test_a_late_answer_goes_to_the_channel(setting: Setting, late: timedelta) -> None:
    fields = asked_now(setting)
    await setting.clock.advance(late.total_seconds())
    async with setting.open() as channel:
        await send(channel, **fields)
    assert not setting.server.calls_of(ORIGINAL)
    (sent,) = setting.server.calls_of(MESSAGES)
    assert (sent["allowed_mentions"], sent["nonce"]) == (NOBODY, ID)


@pytest.mark.parametrize(("status", "code"), [(404, 10015), (401, 50027), (404, 10008), (404, 10062)])
async def test_a_token_that_discord_has_forgotten_leads_to_the_channel(
    setting: Setting, status: int, code: int
) -> None:
    setting.server.script[ORIGINAL].append(refusal(status, code))
    async with setting.open() as channel:
        await send(channel, **asked_now(setting))
    assert len(setting.server.calls_of(MESSAGES)) == 1


async def test_a_message_is_found_though_discord_keeps_no_white_space_around_it(setting: Setting) -> None:
    setting.server.script[f"GET /channels/{CHANNEL}/messages"].append(body([posted("7", "indented")]))
    async with setting.open() as channel:
        (delivery,) = deliveries(channel, "    indented")
        assert await channel.settle(delivery, setting.clock.now()) == Receipt("7")


async def test_a_private_answer_that_is_late_is_shown_to_nobody(setting: Setting) -> None:
    fields = asked_now(setting, private=True)
    await setting.clock.advance(3600)
    async with setting.open() as channel:
        with pytest.raises(Refused, match="a private answer comes too late"):
            await send(channel, **fields)
    assert not setting.server.calls_of(MESSAGES)


def posted(message_id: str, content: str, *, nonce: str | None = None, author: Any = BOT_AUTHOR) -> dict[str, Any]:
    made = {"id": message_id, "content": content, "author": author}
    return made if nonce is None else made | {"nonce": nonce}


@pytest.mark.parametrize(
    ("history", "found"),
    [
        ([posted("6", "other")], None),
        ([posted("7", "hello")], "7"),
        ([posted("8", "other"), posted("7", "hello")], "7"),
        ([posted("7", "edited since", nonce=ID)], "7"),
        ([posted("7", "hello", nonce="another")], None),
        ([posted("7", "hello", author={"id": USER})], None),
        ([posted("7", "(twice?)\nhello")], "7"),
    ],
)
async def test_what_became_of_a_message_stands_in_the_channel(
    setting: Setting, history: list[dict[str, Any]], found: str | None
) -> None:
    setting.server.script[f"GET /channels/{CHANNEL}/messages"].append(body(history))
    async with setting.open() as channel:
        (delivery,) = deliveries(channel)
        labelled = Delivery(delivery.id, delivery.destination, delivery.payload, "(twice?)")
        since = setting.clock.now()
        if found is None:
            with pytest.raises(NotSent):
                await channel.settle(labelled, since)
        else:
            assert await channel.settle(labelled, since) == Receipt(found)
    (query,) = setting.server.calls_of(f"GET /channels/{CHANNEL}/messages")
    assert int(query["after"]) == time_snowflake(since - timedelta(minutes=1))
    assert not setting.server.calls_of(MESSAGES), "nothing is sent"


@pytest.mark.parametrize(("newest", "expected"), [([posted("1", "older")], NotSent), ([], OutcomeUnknown)])
async def test_a_history_that_may_not_be_read_tells_nothing(
    setting: Setting, newest: list[dict[str, Any]], expected: type[ChannelError]
) -> None:
    setting.server.script[f"GET /channels/{CHANNEL}/messages"].extend([body([]), body(newest)])
    async with setting.open() as channel:
        with pytest.raises(ChannelError) as caught:
            await channel.settle(deliveries(channel)[0], setting.clock.now())
    assert type(caught.value) is expected


async def test_an_answer_to_a_command_is_settled_by_writing_it_again(setting: Setting) -> None:
    async with setting.open() as channel:
        first, second, _ = deliveries(channel, "word " * 900, **asked_now(setting, private=True))
        with pytest.raises(NotSent):
            await channel.settle(first, setting.clock.now())
        with pytest.raises(OutcomeUnknown):
            await channel.settle(second, setting.clock.now())


async def test_settling_fails_in_the_words_of_sending(setting: Setting) -> None:
    history = f"GET /channels/{CHANNEL}/messages"
    setting.server.script[history].extend([refusal(403, 50001), body(b"", 502), slow_down(3)])
    async with setting.open() as channel:
        (delivery,) = deliveries(channel)
        for expected in (ChatClosed, OutcomeUnknown, RateLimited):
            with pytest.raises(ChannelError) as caught:
                await channel.settle(delivery, setting.clock.now())
            assert type(caught.value) is expected


async def test_typing_is_shown_where_it_may_be_and_never_fails(setting: Setting) -> None:
    typing = f"POST /channels/{THREAD}/typing"
    setting.server.script[typing].extend([body(b"", 204), slow_down(60), body(b"", 204)])
    async with setting.open() as channel:
        for _ in range(3):
            await channel.show_typing(Destination("discord", "default", CHANNEL, THREAD))
        await channel.show_typing(Destination("discord", "default", "nowhere"))
    assert len(setting.server.calls_of(typing)) == 2, "not while Discord asks to wait"
