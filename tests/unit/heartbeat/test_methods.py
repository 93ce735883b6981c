"""`heartbeat.run` where several machines share the database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.heartbeat.checks import Verdict
from bot.house import open_house
from bot.methods.desk import Caller, Desk, Live
from bot.methods.failure import MethodFailed
from bot.methods.heartbeat import Run, run
from bot.settings.load import load_settings
from channels.clock import Clock, ManualClock, SystemClock
from channels.registry import load_manifests
from routing.file import load_bindings
from routing.table import Table
from tests.patience import PATIENCE_SECONDS

CALLER = cast("Caller", SimpleNamespace())


@asynccontextmanager
async def desk_of_another_machine(folder: Path, clock: Clock) -> AsyncIterator[Desk]:
    """Of a bot that speaks for no agent."""
    (folder / "bindings.yaml").write_text("defaults: {agent: a}\nagents: [{id: a, kind: echo}]\nbindings: []\n")
    manifests, bindings = load_manifests(), load_bindings(folder / "bindings.yaml")
    table = Table(bindings.bindings, bindings.defaults)
    settings = load_settings(None, {"JAVIS_HOME": str(folder / "data")}, manifests)

    async def nothing_of_ours(_agent: str | None) -> Mapping[str, Verdict]:
        return {}

    here: Any = SimpleNamespace(heartbeats=SimpleNamespace(wake=nothing_of_ours))
    async with open_house(settings, bindings, manifests, clock) as house:
        yield Desk.at(
            house.stores,
            settings=settings,
            table=lambda: table,
            entries=lambda: bindings.agents,
            id_problem=lambda *_: None,
            running=cast("Live", here),
        )


async def test_a_heartbeat_of_another_machine_is_asked_for_there(tmp_path: Path) -> None:
    async with desk_of_another_machine(tmp_path, SystemClock()) as desk:

        async def answer_elsewhere() -> None:
            while not await desk.heartbeats.wishes():
                await asyncio.sleep(0)
            await desk.storage.commit([desk.heartbeats.answer("a", "outside active hours")])

        answering = asyncio.create_task(answer_elsewhere())
        found = await run(desk, CALLER, Run())
        await answering
    assert [(each["agent"], each["run"], each["reason"]) for each in found["heartbeats"]] == [
        ("a", False, "outside active hours")
    ]


async def test_a_bot_that_runs_and_does_not_answer_is_not_called_down(tmp_path: Path) -> None:
    clock = ManualClock()
    async with desk_of_another_machine(tmp_path, clock) as desk:
        asking = asyncio.create_task(run(desk, CALLER, Run()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not asking.done():
                await clock.advance(1)
        with pytest.raises(MethodFailed, match="no answer within 30 s"):
            await asking
