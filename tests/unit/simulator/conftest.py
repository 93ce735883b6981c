from collections.abc import AsyncIterator

import pytest
import telegram
from telegram.request import HTTPXRequest

from channels.clock import ManualClock
from channels.simulator.server import Simulator, run_simulator
from tests.patience import PATIENCE_SECONDS


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def simulator(clock: ManualClock) -> AsyncIterator[Simulator]:
    async with run_simulator(port=0, state_dir=None, clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def bot(simulator: Simulator) -> AsyncIterator[telegram.Bot]:
    """python-telegram-bot as it comes, with its own HTTP client."""
    async with open_bot(simulator) as bot:
        yield bot


def open_bot(simulator: Simulator, token: str | None = None) -> telegram.Bot:
    base = simulator.telegram_api_base
    return telegram.Bot(
        token or simulator.telegram_token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=_patient_request(),
        get_updates_request=_patient_request(),
    )


def _patient_request() -> HTTPXRequest:
    seconds = PATIENCE_SECONDS
    return HTTPXRequest(read_timeout=seconds, write_timeout=seconds, connect_timeout=seconds, pool_timeout=seconds)
