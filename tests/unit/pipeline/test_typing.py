"""Typing is shown while an agent takes its time, and only then."""

from datetime import UTC, datetime

from typing_extensions import override

from bot.inbox import StoredUpdate
from bot.pipeline.errand import Errand
from bot.pipeline.typing_sign import THINKING_SECONDS, TYPING_SECONDS, TypingSign
from bot.trace.road import Road
from channels.capabilities import Capabilities
from channels.clock import ManualClock
from channels.message import Destination, InboundMessage
from routing.address import Address, Peer
from tests.unit.delivery.setting import ScriptedChannel


class TypingChannel(ScriptedChannel):
    capabilities = Capabilities(None, "characters", "none", typing=True)

    def __init__(self) -> None:
        super().__init__()
        self.typed = 0

    @override
    async def show_typing(self, destination: Destination) -> None:
        self.typed += 1


async def test_typing_is_shown_while_the_agent_takes_its_time_and_not_before() -> None:
    channel, clock = TypingChannel(), ManualClock()
    address = Address("telegram", "default", Peer("direct", "1"), sender="1")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    message = InboundMessage(address, Destination("telegram", "default", "1"), "1", "hi", "Ann", now)
    update = StoredUpdate(1, "telegram", "default", "1", "{}")
    errand = Errand(update, channel, lambda: None, message, "en", Road(1, "1", message, now))
    sign = TypingSign(clock)
    with sign.during(errand):
        await clock.advance(THINKING_SECONDS - 0.1)
        assert channel.typed == 0
    await clock.advance(10)
    assert channel.typed == 0
    with sign.during(errand):
        await clock.advance(THINKING_SECONDS)
        assert channel.typed == 1
        await clock.advance(TYPING_SECONDS)
        assert channel.typed == 2
        errand.drafts.append("2")
        await clock.advance(TYPING_SECONDS)
        assert channel.typed == 2, "an answer that is seen to grow needs no sign"
