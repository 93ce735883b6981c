"""Updates on which a channel fails in a way of its own: each is set aside alone, and the others go on."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from typing_extensions import override

from bot.house import House
from channels.clock import ManualClock
from channels.message import InboundMessage, JsonObject
from channels.port import Channel
from tests.patience import PATIENCE_SECONDS
from tests.unit.torture.memory_platform import MemoryChannel, MemoryPlatform, Trap, host_of, house_in


class ClumsyChannel(MemoryChannel):
    """Cannot read `unread`, and reads `misplaced` as a message of a channel that is not there."""

    @override
    def parse(self, raw: JsonObject) -> InboundMessage:
        if raw["text"] == "unread":
            raise KeyError("sender")
        message = super().parse(raw)
        if message.text == "misplaced":
            return replace(message, origin=replace(message.origin, channel="nowhere"))
        return message


async def states(house: House) -> list[str]:
    """How each update stands that has ended."""
    rows = [
        row
        for update_id in ("1", "2", "3")
        for row in await house.stores.storage.read(
            "roads.of_inbox", {"channel": "telegram", "account": "default", "update_id": update_id}
        )
    ]
    return [row["state"] for row in rows if row["state"] != "stored"]


@pytest.mark.parametrize("odd", ["unread", "misplaced"])
async def test_update_on_which_a_channel_fails_is_set_aside_alone(tmp_path: Path, odd: str) -> None:
    clock, platform = ManualClock(), MemoryPlatform()
    for text in ("before", odd, "behind"):
        platform.say("1", text)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Channel]:
        yield ClumsyChannel(platform, Trap(), clock)

    async with house_in(tmp_path, clock) as house:
        host = host_of(house, opened)
        hosting = asyncio.create_task(host.run())
        end = time.monotonic() + PATIENCE_SECONDS
        while len(found := await states(house)) < 3:
            assert time.monotonic() < end, f"waited for each update to end: {found}"
            await clock.advance(0.05)
        hosting.cancel()
        with suppress(asyncio.CancelledError):
            await hosting
    assert found == ["done", "quarantined", "done"]
    assert host.state == "running"
