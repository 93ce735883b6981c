"""The code of docs/plugins.md, installed as a reader would and run."""

import asyncio
import importlib
import re
from pathlib import Path

import pytest

from bot.app import run
from bot.settings.load import load_settings
from channels.clock import ManualClock
from channels.registry import load_manifests
from routing.file import load_bindings

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python takes for one with the page's package installed."""
    page = PAGE.read_text(encoding="utf-8")
    for name, code in re.findall(r"```python\n# (\w+\.py)\n(.*?)```", page, re.DOTALL):
        (tmp_path / name).write_text(code, encoding="utf-8")
    (points,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    installed = tmp_path / "my_javis-1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: my-javis\nVersion: 1\n", encoding="utf-8")
    lines = re.sub(r'\[project\.entry-points\."(.*)"\]', r"[\1]", points).replace('"', "")
    (installed / "entry_points.txt").write_text(lines, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    return tmp_path


async def test_agent_and_channel_of_the_page_answer_a_message(plugins: Path) -> None:
    for name in ("in", "out"):
        (plugins / name).mkdir()
    (plugins / "in" / "1.txt").write_text("is anybody there?", encoding="utf-8")
    (plugins / "bindings.yaml").write_text("defaults: {agent: loud}\nagents: [{id: loud, kind: shout}]\nbindings: []\n")
    (plugins / "javis.yaml").write_text(
        f"channels: {{folder: {{path: {plugins}, dm_policy: open}}, web: {{enabled: false}}}}\n"
        "gateway: {enabled: false}\ndispatch: {webhook_port: null}\n"
    )
    manifests = load_manifests()
    settings = load_settings(plugins / "javis.yaml", {"JAVIS_HOME": str(plugins / "data")}, manifests)
    clock, stop = ManualClock(), asyncio.Event()
    bindings = load_bindings(plugins / "bindings.yaml")
    bot = asyncio.create_task(run(settings, bindings, manifests, stop=stop, clock=clock), name="bot")
    await clock.until(lambda: bot.done() or any((plugins / "out").iterdir()))
    stop.set()
    await bot
    (answer,) = (plugins / "out").iterdir()
    assert answer.read_text(encoding="utf-8") == "IS ANYBODY THERE?"
    assert list((plugins / "in").iterdir()) == []
