"""From entries to agents."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import httpx
import pytest

from bot.agents.echo import EchoAgent
from bot.agents.llm import LlmAgent
from bot.agents.port import AgentFault
from bot.agents.registry import GROUP, build_agents, installed_kinds
from bot.providers.models import Models
from channels.clock import ManualClock
from tests.unit.agents.setting import Defaults, Entry, History, turn


@pytest.fixture
def models(http: httpx.AsyncClient) -> Models:
    return Models([], lambda _proxy: http, ManualClock())


def test_installed_kinds_build_the_agents_by_id(models: Models) -> None:
    entries = [Entry("main", "llm"), Entry("ops", "echo")]
    agents = build_agents(entries, Defaults(), models, ManualClock(), installed_kinds())
    assert {key: type(agent) for key, agent in agents.items()} == {"main": LlmAgent, "ops": EchoAgent}
    assert agents["ops"].id == "ops"


@pytest.mark.parametrize(("kind", "hint"), [("ecko", "did you mean 'echo'"), ("zzz", "there are echo, gateway, llm")])
def test_unknown_kind_is_told_with_the_nearest(models: Models, kind: str, hint: str) -> None:
    with pytest.raises(AgentFault, match=f"agent 'main': kind '{kind}' is not known; {hint}"):
        build_agents([Entry(kind=kind)], Defaults(), models, ManualClock(), installed_kinds())


@pytest.mark.parametrize("value", ["bot.agents.nowhere:Agent", "bot.agents.echo:Nobody"])
def test_kind_that_does_not_load_is_named(models: Models, value: str) -> None:
    kinds = {"broken": EntryPoint("broken", value, GROUP)}
    with pytest.raises(AgentFault, match=f"kind 'broken' \\({value}\\) does not load"):
        build_agents([Entry(kind="broken")], Defaults(), models, ManualClock(), kinds)


def broken(_context: object) -> None:
    raise RuntimeError("no such luck")


@pytest.mark.parametrize("value", [f"{__name__}:broken", "tests.unit.agents.broken_plugin:Agent"])
def test_plugin_that_fails_is_named_and_not_let_through(models: Models, value: str) -> None:
    kinds = {"broken": EntryPoint("broken", value, GROUP)}
    with pytest.raises(AgentFault, match=r"agent 'main': kind 'broken' .* RuntimeError"):
        build_agents([Entry(kind="broken")], Defaults(), models, ManualClock(), kinds)


def test_two_packages_with_one_kind_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "rival-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Name: rival\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(f"[{GROUP}]\nllm = rival:Agent\n")
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    with pytest.raises(AgentFault, match="two packages offer the agent kind 'llm'"):
        installed_kinds()


async def test_echo_answers_with_the_text_and_reads_no_history(models: Models) -> None:
    agents = build_agents([Entry("ops", "echo")], Defaults(), models, ManualClock(), installed_kinds())
    history = History()
    answer = await agents["ops"].answer(turn("你好", history, is_direct=False))
    assert (answer.text, answer.model, answer.usage) == ("你好", None, None)
    assert history.asked == []
