"""What the bot says goes out, and each failure says what to do next."""
# ruff: noqa: S101 - asserts are what this module is for

from dataclasses import replace

import pytest

from channels.errors import (
    ChannelError,
)
from channels.message import Delivery, OutboundMessage
from channels.port import CommandCard
from channels.testing.harness import EXPECTED, ChannelHarness, Fault, hear_raw, send


class OutboundContract:
    """Needs a fixture `harness`."""

    async def test_parts_arrive_in_order_and_each_has_a_receipt(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            text = "\n\n".join(f"paragraph {number} " + "word " * 300 for number in range(8))
            parts = channel.render(OutboundMessage(harness.destination, text))
            receipts = [await send(harness, channel, part) for part in parts]
            assert list(harness.received()) == [harness.text(part).strip() for part in parts]
            named = [receipt for receipt in receipts if receipt is not None]
            assert len(set(named)) == len(named)

    async def test_a_label_stands_above_the_text(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "**hello**", "markdown"))
            await send(harness, channel, part, label="⚠️ maybe twice")
            assert harness.received()[-1].splitlines() == ["⚠️ maybe twice", *harness.text(part).splitlines()]

    @pytest.mark.parametrize("fault", EXPECTED)
    async def test_each_failure_says_what_to_do_next(self, harness: ChannelHarness, fault: Fault) -> None:
        if fault not in harness.faults:
            pytest.skip("this harness has no such fault")
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "hello"))
            harness.inject(fault)
            with pytest.raises(ChannelError) as caught:
                await send(harness, channel, part)
            assert type(caught.value) is EXPECTED[fault]
            assert len(harness.received()) == (1 if fault == "lost_answer" else 0)
            assert harness.clock.sleepers == 0, "who waits out a failure inside send hides it"
            await channel.show_typing(harness.destination)

    @pytest.mark.parametrize("fault", ["rate_limited", "server_error", "lost_answer"])
    async def test_the_next_part_goes_through_after_a_passing_failure(
        self, harness: ChannelHarness, fault: Fault
    ) -> None:
        if fault not in harness.faults:
            pytest.skip("this harness has no such fault")
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "hello"))
            harness.inject(fault)
            with pytest.raises(ChannelError):
                await send(harness, channel, part)
            await send(harness, channel, part)
            assert harness.received()[-1] == "hello"

    async def test_transient_effects_never_raise(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            nowhere = replace(harness.destination, chat="no such chat", thread="x")
            await channel.show_typing(harness.destination)
            await channel.show_typing(nowhere)
            for raw in ({}, {"callback_query": {"id": "0"}}, await hear_raw(harness, channel, "x")):
                await channel.acknowledge_press(raw)

    async def test_a_destination_that_cannot_exist_never_raises_anything_else(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            (part,) = channel.render(OutboundMessage(harness.destination, "hello"))
            nowhere = replace(harness.destination, chat="no such chat", thread="x")
            try:
                await channel.send(Delivery("0" * 24, nowhere, part))
            except ChannelError:
                return

    async def test_the_channel_says_what_it_is(self, harness: ChannelHarness) -> None:
        async with harness.open() as channel:
            assert channel.identity
            assert all(channel.notes)
            assert channel.capabilities.text_limit is None or channel.capabilities.text_limit > 100
            await channel.publish_commands([CommandCard("new", {}, {"": "A fresh start", "zh-Hant": "新對話"})])
