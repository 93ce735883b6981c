from collections.abc import AsyncIterator

import httpx
import pytest

from bot.providers.connections import open_http
from tests.unit.providers.server import ProviderServer, open_provider_server


@pytest.fixture
async def server() -> AsyncIterator[ProviderServer]:
    async with open_provider_server() as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with open_http() as http:
        yield http
