from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway_bot import GatewayBot, gateway_bot


@pytest.fixture
async def bot(tmp_path: Path) -> AsyncIterator[GatewayBot]:
    async with gateway_bot(tmp_path) as running:
        yield running
