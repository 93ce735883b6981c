"""What the bot says in the form of the platform: it fits, and loses nothing."""
# ruff: noqa: S101 - asserts are what this module is for

import json
from typing import Literal

import pytest

from channels.message import Button, OutboundMessage
from channels.port import Channel
from channels.testing.harness import ChannelHarness
from channels.testing.samples import long_texts
from channels.utf16 import utf16_length


class RenderingContract:
    """Needs a fixture `harness`."""

    @pytest.mark.parametrize("text_format", ["plain", "markdown"])
    async def test_rendered_parts_fit_and_lose_no_word(
        self, harness: ChannelHarness, text_format: Literal["plain", "markdown"]
    ) -> None:
        async with harness.open() as channel:
            for text, words in long_texts():
                parts = channel.render(OutboundMessage(harness.destination, text, text_format))
                assert parts, "a text with content must not vanish"
                shown = [harness.text(part) for part in parts]
                assert all(each.strip() and fits(channel, each) for each in shown)
                places = ["".join(shown).find(word) for word in words]
                assert -1 not in places, "a word was lost or cut"
                assert places == sorted(places), "the order has changed"

    async def test_rendered_parts_are_json_and_can_be_kept(self, harness: ChannelHarness) -> None:
        message = OutboundMessage(
            harness.destination, "a **b** \ud800", "markdown", reply_to="1", buttons=(Button("OK", "/ok"),)
        )
        async with harness.open() as channel:
            parts = channel.render(message)
            assert [dict(part) for part in parts] == json.loads(json.dumps(parts, ensure_ascii=False).encode())
            assert channel.render(message) == parts


def fits(channel: Channel, text: str) -> bool:
    limit, unit = channel.capabilities.text_limit, channel.capabilities.text_unit
    sizes = {"utf16": utf16_length(text), "characters": len(text), "bytes": len(text.encode())}
    return limit is None or sizes[unit] <= limit
