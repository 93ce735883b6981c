"""An answer that is shown while it is written gives way to the answer itself."""
# ruff: noqa: S101 - asserts are what this module is for

import hashlib
from dataclasses import replace

import pytest

from channels.errors import NotSent, RateLimited
from channels.message import Delivery, OutboundMessage, Receipt
from channels.port import Channel, ShowsDrafts
from channels.testing.harness import ChannelHarness, advance_until, send


class DraftContract:
    """Needs a fixture `harness`. Passed over where a channel shows no drafts."""

    async def test_the_answer_takes_the_place_of_its_draft(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            begun = OutboundMessage(harness.destination, "It **be", "markdown", unfinished=True)
            shown = await show(harness, channel, begun)
            assert shown.message_id is not None
            grown = replace(begun, text="It **began** and", drafts=(shown.message_id,))
            assert await show(harness, channel, grown) == shown
            answer = replace(grown, text="It is **done**", unfinished=False)
            (part,) = channel.render(answer)
            for _ in range(2):
                assert await send(harness, channel, part) == shown.message_id
            assert list(harness.received()) == [harness.text(part)]

    async def test_an_answer_that_is_shorter_leaves_no_draft_behind(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            begun = OutboundMessage(harness.destination, "One", unfinished=True)
            names = [(await show(harness, channel, replace(begun, text=text))).message_id or "" for text in ("1", "2")]
            answer = OutboundMessage(harness.destination, "One.", drafts=tuple(names))
            for _ in range(2):
                for part in channel.render(answer):
                    await send(harness, channel, part)
            assert list(harness.received()) == ["One."]

    async def test_an_interrupted_edit_is_settled_without_a_second_message(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            begun = OutboundMessage(harness.destination, "It be", unfinished=True)
            shown = await show(harness, channel, begun)
            answer = OutboundMessage(harness.destination, "It is done", drafts=(shown.message_id or "",))
            (part,) = channel.render(answer)
            since = harness.clock.now()
            await send(harness, channel, part)
            try:
                assert await channel.settle(Delivery("0" * 24, harness.destination, part), since) == shown
            except NotSent:
                await send(harness, channel, part)
            assert list(harness.received()) == ["It is done"]


async def show(harness: ChannelHarness, channel: Channel, beginning: OutboundMessage) -> Receipt:
    """Show the one part of `beginning` as soon as the governor lets it through; the test ends where nothing can."""
    if not isinstance(channel, ShowsDrafts):
        pytest.skip("this channel shows no drafts")
    (part,) = channel.render(beginning)
    name = "d" + hashlib.sha256(beginning.text.encode()).hexdigest()[:24]
    while True:
        try:
            return await channel.show_draft(Delivery(name, harness.destination, part))
        except RateLimited as wish:
            due = harness.clock.monotonic() + wish.retry_after_seconds
            await harness.clock.advance(wish.retry_after_seconds)
            await advance_until(harness.clock, lambda: harness.clock.monotonic() >= due)  # noqa: B023 - it is awaited here
