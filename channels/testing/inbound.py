"""What a person says comes in: stored first, acknowledged then."""
# ruff: noqa: S101 - asserts are what this module is for

import json

import pytest

from channels.errors import (
    Unparsable,
)
from channels.message import ChatChange, InboundMessage
from channels.testing.harness import (
    ChannelHarness,
    advance_until,
    eventually,
    hear,
    hear_raw,
    inbox_of,
    receiving,
    texts,
)
from channels.testing.samples import damaged


class InboundContract:
    """Needs a fixture `harness`."""

    async def test_what_a_person_says_is_stored_and_can_be_read(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            said = await hear(harness, channel, "hello, 你好 👋🏽")
        assert said.text == "hello, 你好 👋🏽"
        assert said.kind == "message"
        assert said.message_id
        assert said.origin.chat == harness.destination.chat
        assert (said.address.channel, said.address.account) == (said.origin.channel, said.origin.account)
        assert said.address.sender
        assert not said.sender_is_bot
        assert said.sent_at.utcoffset() is not None

    async def test_many_messages_come_once_each_and_in_order(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            inbox = inbox_of(harness)
            async with receiving(channel, inbox):
                for number in range(20):
                    await harness.say(f"message {number}")
                await eventually(lambda: len(texts(channel, inbox)) >= 20)
            assert texts(channel, inbox) == [f"message {number}" for number in range(20)]

    async def test_what_the_store_refused_is_offered_again(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            inbox = inbox_of(harness, OSError("the disk is full"))
            async with receiving(channel, inbox):
                await harness.say("keep me")
                await eventually(lambda: bool(inbox.offered) and harness.clock.sleepers > 0)
                inbox.refusal = None
                await advance_until(harness.clock, lambda: bool(inbox.stored))
            assert texts(channel, inbox) == ["keep me"]

    async def test_what_was_not_stored_comes_again_after_a_crash_under_the_same_id(
        self, harness: ChannelHarness
    ) -> None:
        if not harness.redelivers:
            pytest.skip("this platform repeats nothing")
        first, second = inbox_of(harness, OSError("the disk is full")), inbox_of(harness)
        async with harness.open() as channel, receiving(channel, first):
            await harness.say("keep me")
            await eventually(lambda: bool(first.offered))
        async with harness.open() as channel, receiving(channel, second):
            await eventually(lambda: bool(second.stored))
        assert first.offered[0].update_id in second.stored

    async def test_what_was_stored_is_acknowledged(self, harness: ChannelHarness) -> None:
        first, second = inbox_of(harness), inbox_of(harness)
        async with harness.open() as channel, receiving(channel, first):
            await harness.say("one")
            await eventually(lambda: len(first.stored) == 1)
            await harness.say("two")
            await eventually(lambda: len(first.stored) == 2)
        async with harness.open() as channel, receiving(channel, second):
            await harness.say("three")
            await eventually(lambda: bool(second.stored) and "three" in texts(channel, second))
            assert "one" not in texts(channel, second)

    async def test_reading_a_stored_event_is_pure(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            raw = await hear_raw(harness, channel, "hello")
            before = json.dumps(raw)
            assert channel.parse(raw) == channel.parse(raw)
            assert json.dumps(raw) == before

    async def test_any_damaged_event_is_read_passed_over_or_set_aside(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            raw = await hear_raw(harness, channel, "hello")
            for each in damaged(raw):
                try:
                    said = channel.parse(each)
                except Unparsable:
                    continue
                assert said is None or isinstance(said, InboundMessage | ChatChange)
