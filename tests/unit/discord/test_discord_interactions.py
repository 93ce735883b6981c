"""Slash commands, buttons and suggestions within Discord's three seconds."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from discord.utils import time_snowflake
from typing_extensions import override

from channels.discord.interactions import STORE_SECONDS
from channels.message import Delivery, InboundMessage, JsonObject, OutboundMessage
from channels.port import NOTHING, Channel, CommandCard, RawUpdate, Suggestion
from channels.testing import MemoryInbox, eventually
from tests.unit.discord.server import Setting, refusal
from tests.unit.discord.setting import BOT, BOT_AUTHOR, command, interaction, message

CARDS = [
    CommandCard("kimi", {}, {"": "A task"}, argument={"": "What"}),
    CommandCard("tasks", {}, {"": "List"}, private=True),
]
CALLBACK = "POST /interactions/{}/an-interaction-token/callback"


def callback(data: Mapping[str, Any]) -> str:
    return CALLBACK.format(data["id"])


def now(setting: Setting) -> str:
    return str(time_snowflake(setting.clock.now()))


class SlowInbox(MemoryInbox):
    """Keeps its promise about time, as the bot's own does."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[float | None] = []

    @override
    async def store(
        self,
        updates: Sequence[RawUpdate],
        remember: Mapping[str, str] = NOTHING,
        *,
        within_seconds: float | None = None,
    ) -> None:
        self.limits.append(within_seconds)
        raise TimeoutError


@pytest.mark.parametrize(
    ("data", "response"),
    [
        (command("kimi", "write"), {"type": 5}),
        (command("tasks"), {"type": 5, "data": {"flags": 64}}),
        (interaction(3, {"custom_id": "/retry 1"}, message=message(author=BOT_AUTHOR)), {"type": 6}),
    ],
)
async def test_what_is_stored_is_deferred(setting: Setting, data: dict[str, Any], response: object) -> None:
    inbox = setting.inbox()
    async with setting.listening(inbox) as channel:
        await channel.publish_commands(CARDS)
        await setting.server.dispatch("INTERACTION_CREATE", data)
        await eventually(lambda: bool(setting.server.calls_of(callback(data))))
        (stored,) = inbox.stored.values()
        said = channel.parse(json.loads(stored.raw))
    assert setting.server.calls_of(callback(data)) == [response]
    assert setting.server.authorizations[callback(data)] is None
    assert stored.update_id == f"interaction-{data['id']}"
    assert isinstance(said, InboundMessage)
    if said.kind == "message":
        assert (said.reply_token or "").endswith(":private") is (data["data"]["name"] == "tasks")


@pytest.mark.parametrize(("locale", "words"), [("zh-TW", "再試一次"), ("de", "again please")])
async def test_what_cannot_be_stored_in_time_is_to_be_tried_again(setting: Setting, locale: str, words: str) -> None:
    inbox, data = SlowInbox(), command("kimi", "write", locale=locale)
    async with setting.listening(inbox):
        await setting.server.dispatch("INTERACTION_CREATE", data)
        await eventually(lambda: bool(setting.server.calls_of(callback(data))))
    (response,) = setting.server.calls_of(callback(data))
    assert response == {"type": 4, "data": {"content": words, "flags": 64, "allowed_mentions": {"parse": []}}}
    assert inbox.limits == [STORE_SECONDS]


async def test_a_disk_that_fails_is_told_at_once(setting: Setting) -> None:
    data = command("kimi", "write")
    async with setting.listening(setting.inbox(OSError("the disk is full"))):
        await setting.server.dispatch("INTERACTION_CREATE", data)
        await eventually(lambda: bool(setting.server.calls_of(callback(data))))
    assert setting.server.calls_of(callback(data))[0]["type"] == 4


@pytest.mark.parametrize("code", [10062, 40060])
async def test_a_first_response_that_comes_too_late_hurts_nothing(setting: Setting, code: int) -> None:
    first, second = command("kimi", "one"), command("kimi", "two", id="1400000000000000099")
    setting.server.script[callback(first)].append(refusal(404, code))
    inbox = setting.inbox()
    async with setting.listening(inbox):
        for data in (first, second):
            await setting.server.dispatch("INTERACTION_CREATE", data)
        await eventually(lambda: bool(setting.server.calls_of(callback(second))))
    assert len(inbox.stored) == 2


async def test_commands_do_not_wait_behind_messages(setting: Setting) -> None:
    data = command("kimi", "write")
    inbox = setting.inbox(OSError("the disk is full"))
    async with setting.listening(inbox):
        await setting.server.dispatch("MESSAGE_CREATE", message())
        await eventually(lambda: setting.clock.sleepers > 0)  # the reader waits for the disk
        inbox.refusal = None
        await setting.server.dispatch("INTERACTION_CREATE", data)
        await eventually(lambda: bool(setting.server.calls_of(callback(data))))
        assert list(inbox.stored) == [f"interaction-{data['id']}"]


async def test_the_answer_waits_for_the_deferral(setting: Setting) -> None:
    """Discord knows no @original before: an early answer would land in the channel, for everybody."""
    data = command("tasks", id=now(setting))
    gate = asyncio.Event()

    async def slowly(_request: Any) -> Any:
        await gate.wait()
        return await setting.server._usual(callback(data))(_request)

    setting.server.script[callback(data)].append(slowly)
    inbox = setting.inbox()
    async with setting.listening(inbox) as channel:
        await channel.publish_commands(CARDS)
        await setting.server.dispatch("INTERACTION_CREATE", data)
        await eventually(lambda: bool(setting.server.calls_of(callback(data))))
        sending = asyncio.create_task(_answer(channel, inbox))
        for _ in range(50):
            await asyncio.sleep(0)
        original = f"PATCH /webhooks/{BOT}/an-interaction-token/messages/@original"
        assert not setting.server.calls_of(original)
        gate.set()
        await sending
        assert len(setting.server.calls_of(original)) == 1


async def _answer(channel: Channel, inbox: MemoryInbox) -> None:
    said = channel.parse(json.loads(next(iter(inbox.stored.values())).raw))
    assert isinstance(said, InboundMessage)
    answer = OutboundMessage(said.origin, "no tasks", reply_to=said.message_id, reply_token=said.reply_token)
    (part,) = channel.render(answer)
    await channel.send(Delivery("0" * 24, said.origin, part))


TYPING = interaction(4, {"name": "cancel", "options": [{"name": "text", "type": 3, "value": "re", "focused": True}]})


async def test_suggestions_are_given_while_somebody_types(setting: Setting) -> None:
    inbox = setting.inbox()
    inbox.suggestions = [Suggestion("報告 (running)", "kimi-1")]
    async with setting.listening(inbox):
        await setting.server.dispatch("INTERACTION_CREATE", TYPING)
        await eventually(lambda: bool(setting.server.calls_of(callback(TYPING))))
    choices = [{"name": "報告 (running)", "value": "kimi-1"}]
    assert setting.server.calls_of(callback(TYPING)) == [{"type": 8, "data": {"choices": choices}}]
    assert not inbox.stored


class StuckInbox(MemoryInbox):
    """Knows nothing to suggest, for ever or with an error."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self.error = error
        self.asked: list[tuple[str, str]] = []

    @override
    async def suggest(self, raw: JsonObject, command: str, typed: str) -> Sequence[Suggestion]:
        self.asked.append((command, typed))
        if self.error is not None:
            raise self.error
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.parametrize("error", [None, OSError("no database")])
async def test_no_suggestion_in_time_is_an_empty_list(setting: Setting, error: Exception | None) -> None:
    inbox = StuckInbox(error)
    async with setting.listening(inbox):
        await setting.server.dispatch("INTERACTION_CREATE", TYPING)
        await eventually(lambda: bool(inbox.asked))
        await setting.until(lambda: bool(setting.server.calls_of(callback(TYPING))))
    assert setting.server.calls_of(callback(TYPING)) == [{"type": 8, "data": {"choices": []}}]
    assert inbox.asked == [("cancel", "re")]
    assert setting.clock.monotonic() < 3


async def test_an_interaction_of_another_form_is_passed_over(setting: Setting) -> None:
    data = command("kimi", "write")
    async with setting.listening(setting.inbox()):
        await setting.server.dispatch("INTERACTION_CREATE", {"id": 7})
        await setting.server.dispatch("INTERACTION_CREATE", data)
        await eventually(lambda: bool(setting.server.calls_of(callback(data))))
    assert len(setting.server.identified) == 1


async def test_the_menu_is_published_only_when_it_differs(setting: Setting) -> None:
    menu = f"PUT /applications/{BOT}/commands"
    for cards in (CARDS, CARDS, CARDS[:1], CARDS[:1]):
        async with setting.open() as channel:
            await channel.publish_commands(cards)
    assert [len(body) for body in setting.server.calls_of(menu)] == [2, 1]


async def test_a_menu_that_was_not_taken_is_published_again(setting: Setting) -> None:
    menu = f"PUT /applications/{BOT}/commands"
    setting.server.script[menu].append(refusal(400, 50035))
    async with setting.open() as channel:
        with pytest.raises(Exception, match="50035"):
            await channel.publish_commands(CARDS)
        await channel.publish_commands(CARDS)
    assert len(setting.server.calls_of(menu)) == 2
