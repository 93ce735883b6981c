"""`heartbeat.run` where several machines share the database."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from bot.heartbeat.checks import Verdict
from bot.house import open_house
from bot.methods.desk import Caller, Desk, Live
from bot.methods.heartbeat import Run, run
from bot.settings.load import load_settings
from channels.clock import SystemClock
from channels.registry import load_manifests
from routing.file import load_bindings
from routing.table import Table


async def test_a_heartbeat_of_another_machine_is_asked_for_there(tmp_path: Path) -> None:
    (tmp_path / "bindings.yaml").write_text("defaults: {agent: a}\nagents: [{id: a, kind: echo}]\nbindings: []\n")
    manifests, bindings = load_manifests(), load_bindings(tmp_path / "bindings.yaml")
    table = Table(bindings.bindings, bindings.defaults)
    settings = load_settings(None, {"JAVIS_HOME": str(tmp_path / "data")}, manifests)
    async with open_house(settings, bindings, manifests, SystemClock()) as house:
        stores = house.stores

        async def nothing_of_ours(_agent: str | None) -> Mapping[str, Verdict]:
            return {}

        async def answer_elsewhere() -> None:
            while not await stores.heartbeats.wishes():
                await asyncio.sleep(0)
            await stores.storage.commit([stores.heartbeats.answer("a", "outside active hours")])

        here: Any = SimpleNamespace(heartbeats=SimpleNamespace(wake=nothing_of_ours))
        desk = Desk.at(
            stores,
            settings=settings,
            table=lambda: table,
            entries=lambda: bindings.agents,
            id_problem=lambda *_: None,
            running=cast("Live", here),
        )
        answering = asyncio.create_task(answer_elsewhere())
        found = await run(desk, cast("Caller", here), Run())
        await answering
    assert [(each["agent"], each["run"], each["reason"]) for each in found["heartbeats"]] == [
        ("a", False, "outside active hours")
    ]
