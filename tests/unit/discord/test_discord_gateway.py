"""The connection to the gateway: sessions, their ends, and what they cost."""

import asyncio
import json
import logging

import pytest

from channels.discord.channel import ELSEWHERE_NOTE, NO_TEXT_NOTE
from channels.discord.identify import IdentifyBudget
from channels.errors import NotSent, Unauthorized
from channels.message import InboundMessage
from channels.port import ShortMemory
from channels.testing import eventually, receiving
from tests.unit.discord.server import TOKEN, Setting, body, refusal
from tests.unit.discord.setting import AUTHOR, BOT_AUTHOR, CHANNEL, OWN_ROLE, THREAD, direct_message, message

MESSAGE_CONTENT = 1 << 15


async def test_messages_are_stored_with_what_only_the_gateway_knows(setting: Setting) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox) as channel:
        await setting.server.dispatch("MESSAGE_CREATE", message("in a thread", channel_id=THREAD))
        await setting.server.dispatch(
            "MESSAGE_CREATE", message(f"<@&{OWN_ROLE}> you", id="1400000000000000006", mention_roles=[OWN_ROLE])
        )
        await eventually(lambda: len(inbox.stored) == 2)
        first, second = [channel.parse(json.loads(each.raw)) for each in inbox.stored.values()]
    assert isinstance(first, InboundMessage)
    assert (first.address.peer.id, first.address.thread) == (CHANNEL, THREAD)
    assert isinstance(second, InboundMessage)
    assert (second.text, second.mentioned) == ("you", True)


async def test_a_thread_that_nobody_told_of_is_asked_for_once(setting: Setting) -> None:
    unknown = "300000000000000099"
    setting.server.script[f"GET /channels/{unknown}"].append(body({"id": unknown, "type": 11, "parent_id": CHANNEL}))
    inbox = setting.inbox()
    async with setting.listening(inbox):
        for number in (5, 6):
            await setting.server.dispatch(
                "MESSAGE_CREATE", message(id=f"140000000000000000{number}", channel_id=unknown)
            )
        await eventually(lambda: len(inbox.stored) == 2)
    assert all(f'"parent":"{CHANNEL}"' in each.raw for each in inbox.stored.values())
    assert len(setting.server.calls_of(f"GET /channels/{unknown}")) == 1


async def test_own_words_and_unfolded_links_are_not_stored(setting: Setting) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", message(author=BOT_AUTHOR))
        await setting.server.dispatch("MESSAGE_UPDATE", message())
        await setting.server.dispatch("MESSAGE_CREATE", direct_message(id="1400000000000000007"))
        await eventually(lambda: bool(inbox.stored))
    assert list(inbox.stored) == ["message-1400000000000000007"]


async def test_an_event_that_the_library_cannot_read_does_not_end_the_connection(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.dispatch("GUILD_CREATE", {"id": {"odd": 1}})
        await setting.server.dispatch("MESSAGE_CREATE", message())
        await eventually(lambda: bool(inbox.stored))
    assert len(setting.server.identified) == 1
    assert "discord.py cannot read an event; it is passed over" in caplog.messages


async def test_a_broken_connection_is_resumed_where_it_ended(setting: Setting) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", message())
        await eventually(lambda: bool(inbox.stored))
        await setting.server.disconnect(4000)
        await setting.until(lambda: bool(setting.server.resumed))
        await setting.server.dispatch("MESSAGE_CREATE", message(id="1400000000000000006"))
        await eventually(lambda: len(inbox.stored) == 2)
    assert setting.server.resumed[0]["session_id"] == "session 1"
    assert setting.server.resumed[0]["seq"] == 3
    assert len(setting.server.identified) == 1


async def test_discord_asking_to_reconnect_is_obeyed_by_resuming(setting: Setting) -> None:
    async with setting.listening(setting.inbox()):
        await setting.server.say(7, None)
        await setting.until(lambda: bool(setting.server.resumed))
    assert len(setting.server.identified) == 1


async def test_a_session_that_discord_has_forgotten_is_replaced(setting: Setting) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.say(9, False)
        await setting.until(lambda: len(setting.server.identified) == 2)
        await setting.server.dispatch("MESSAGE_CREATE", message())
        await eventually(lambda: bool(inbox.stored))
    assert setting.server.resumed == []


async def test_without_the_intent_the_bot_says_so_and_asks_for_less(setting: Setting) -> None:
    setting.server.flags = 0
    async with setting.listening(setting.inbox()) as channel:
        assert channel.notes == (NO_TEXT_NOTE,)
    assert not setting.server.identified[0]["intents"] & MESSAGE_CONTENT


async def test_commands_that_go_elsewhere_are_told_of(setting: Setting) -> None:
    setting.server.endpoint = "https://example.org/interactions"
    async with setting.open() as channel:
        assert channel.notes == (ELSEWHERE_NOTE,)


async def test_an_intent_that_was_taken_away_is_done_without(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    setting.server.refuse_with.append(4014)
    async with setting.listening(setting.inbox(), sessions=2):
        pass
    first, second = (each["intents"] for each in setting.server.identified)
    assert first & MESSAGE_CONTENT
    assert second == first & ~MESSAGE_CONTENT
    assert "Discord refuses to show the text of messages; going on without" in caplog.messages


async def test_a_token_that_the_gateway_refuses_ends_receiving(setting: Setting) -> None:
    setting.server.refuse_with.append(4004)
    async with setting.open() as channel:
        with pytest.raises(Unauthorized, match="Discord refuses the token"):
            await channel.receive(setting.inbox())


async def test_a_token_that_rest_refuses_opens_nothing(setting: Setting) -> None:
    setting.server.script["GET /users/@me"].append(refusal(401, 0, "401: Unauthorized"))
    with pytest.raises(Unauthorized):
        async with setting.open():
            pass


@pytest.mark.parametrize("token", ["", " ", "tök\ud800", "a\nb"])
async def test_what_can_be_no_token_is_refused_before_it_is_sent(setting: Setting, token: str) -> None:
    setting.token = token
    with pytest.raises(Unauthorized):
        async with setting.open():
            pass
    assert setting.server.calls == []


@pytest.mark.parametrize("answer", [body(b"<html>"), body([]), body({"id": 1}), body(b"", 502)])
async def test_a_server_that_is_not_discord_is_named(setting: Setting, answer: object) -> None:
    setting.server.script["GET /users/@me"].append(answer)  # type: ignore[arg-type]
    with pytest.raises(NotSent):
        async with setting.open():
            pass


async def test_an_unreachable_server_is_told_without_the_token(setting: Setting) -> None:
    await setting.server.stop()
    with pytest.raises(NotSent) as caught:
        async with setting.open():
            pass
    error: BaseException | None = caught.value
    while error is not None:
        assert TOKEN not in repr(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


async def test_sessions_are_counted_across_restarts(setting: Setting) -> None:
    for number in (1, 2):
        async with setting.listening(setting.inbox(), sessions=number):
            pass
    assert (await setting.memory.recall("identify"))["identify"].endswith(" 2")


async def test_a_loop_of_restarts_stops_before_discord_resets_the_token(
    setting: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    memory, clock = ShortMemory(), setting.clock
    for _ in range(3):
        await IdentifyBudget(memory, clock, most=3).take()
    waiting = asyncio.ensure_future(IdentifyBudget(memory, clock, most=3).take())
    await clock.advance(23 * 3600)
    assert not waiting.done()
    await clock.advance(3601)
    await waiting
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def test_discords_own_count_of_sessions_is_obeyed(setting: Setting) -> None:
    limit = {"total": 1000, "remaining": 0, "reset_after": 3_600_000, "max_concurrency": 1}
    told = body({"url": "ws://127.0.0.1:1", "shards": 1, "session_start_limit": limit})
    setting.server.script["GET /gateway/bot"].append(told)
    async with setting.open() as channel, receiving(channel, setting.inbox()):
        await eventually(lambda: setting.clock.sleepers > 0)
        assert setting.server.identified == []
        await setting.clock.advance(3602)
        await eventually(lambda: len(setting.server.identified) == 1)


async def test_authors_of_other_bots_reach_the_inbox_too(setting: Setting) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", message(author=AUTHOR | {"bot": True}))
        await eventually(lambda: bool(inbox.stored))
