from collections.abc import AsyncIterator

import pytest

from tests.unit.discord.server import Setting, scripted_discord


@pytest.fixture
async def setting() -> AsyncIterator[Setting]:
    async with scripted_discord() as server:
        yield Setting(server)
