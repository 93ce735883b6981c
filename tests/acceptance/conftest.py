from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.clock import SystemClock
from channels.simulator.server import Simulator, run_simulator
from tests.acceptance.bot_process import BotFolder


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with run_simulator(port=0, state_dir=None, clock=SystemClock()) as running:
        yield running


@pytest.fixture
def bot_folder(tmp_path: Path, simulator: Simulator) -> BotFolder:
    return BotFolder(tmp_path, simulator)
