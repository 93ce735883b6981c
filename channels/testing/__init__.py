"""The contract of a channel, as tests. For the authors of plugins, and for the built-in channels.

Write a harness that opens your channel against a local stand-in of its platform, and inherit the tests:

    class TestMyChannel(ChannelContract):
        @pytest.fixture
        async def harness(self) -> AsyncIterator[ChannelHarness]:
            async with run_my_platform() as platform:
                yield MyHarness(platform)

They need pytest and pytest-asyncio with `asyncio_mode = "auto"`. No test waits for the real clock.
"""

from channels.testing.drafts import DraftContract
from channels.testing.harness import (
    EXPECTED,
    ChannelHarness,
    Fault,
    MemoryInbox,
    advance_until,
    eventually,
    receiving,
)
from channels.testing.inbound import InboundContract
from channels.testing.outbound import OutboundContract
from channels.testing.rendering import RenderingContract

__all__ = [
    "EXPECTED",
    "ChannelContract",
    "ChannelHarness",
    "Fault",
    "MemoryInbox",
    "advance_until",
    "eventually",
    "receiving",
]


class ChannelContract(InboundContract, RenderingContract, OutboundContract, DraftContract):
    """Inherit it and give it a fixture `harness`."""
