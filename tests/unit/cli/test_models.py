"""`javis models` and what `javis doctor` says of models, over a real provider and a real database."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import javis
from tests.unit.providers.server import ProviderServer, completion, open_provider_server

KEYS = ("canary-key-one-1111111111", "canary-key-two-2222222222")
BINDINGS = """\
defaults: {agent: main}
agents:
  - {id: main, kind: llm, model: {primary: kimi, fallbacks: [hom]}}
"""
Run = Callable[..., Awaitable[Result]]


@pytest.fixture
async def server() -> AsyncIterator[ProviderServer]:
    async with open_provider_server() as server:
        yield server


@pytest.fixture
def run(server: ProviderServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    for name in ("KIMI_API_KEY", "TELEGRAM_BOT_TOKEN", "DISCORD_BOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JAVIS_HOME", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    entries = [
        {"model_name": "kimi", "model": "moonshot/k", "api_key": key, "api_base": server.base_url} for key in KEYS
    ]
    settings = {
        "model_list": [*entries, {"model_name": "home", "model": "vllm/h", "api_base": server.base_url}],
        "budgets": {
            "prices": {"moonshot/k": {"prompt": 1, "completion": 2}},
            "bot": {"money": 5},
            "agents": {"mian": {"tokens": 1}},
        },
    }
    (tmp_path / "javis.yaml").write_text(json.dumps(settings))
    (tmp_path / "bindings.yaml").write_text(BINDINGS)
    files = ["--settings", str(tmp_path / "javis.yaml"), "--bindings", str(tmp_path / "bindings.yaml")]

    async def run(*arguments: str) -> Result:
        result = await asyncio.to_thread(CliRunner().invoke, javis, [*arguments, *files])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert not any(key in result.output for key in KEYS)
        return result

    return run


async def test_probe_tells_which_key_fails_and_list_leaves_it_alone(run: Run, server: ProviderServer) -> None:
    server.reply({"error": {"message": f"no such key {KEYS[0]}"}}, status=401)
    server.reply(completion("OK", usage={"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10}))
    result = await run("models", "probe", "kimi")
    assert result.exit_code == 1
    assert "HTTP 401: no such key ***" in result.output
    told = json.loads((await run("models", "list", "--json")).output)
    assert [(each["state"], each["reason"]) for each in told["models"]] == [
        ("cooling", "auth"),
        ("ready", None),
        ("ready", None),
    ]
    usage = json.loads((await run("models", "usage", "--json")).output)
    assert sum(each["calls"] for each in usage["calls"]) == 2
    assert "agent:probe" in (await run("models", "usage")).output
    status = json.loads((await run("status", "--json")).output)
    assert (status["models_today"]["calls"], status["models_today"]["tokens"]) == (2, 10)


async def test_probe_of_a_sound_model_ends_well(run: Run, server: ProviderServer) -> None:
    server.reply(completion("OK"))
    result = await run("models", "probe", "home")
    assert (result.exit_code, "ok" in result.output) == (0, True)
    assert "home" in (await run("models", "list")).output


async def test_doctor_tells_misspelt_models_missing_prices_and_agents(run: Run) -> None:
    findings = json.loads((await run("doctor", "--json")).output)
    texts = [each["text"] for each in findings if each["level"] == "warning"]
    assert "agent 'main': model_list has no model_name 'hom'; did you mean 'home'?" in texts
    assert any("vllm/h has no price" in text for text in texts)
    assert any("bindings.yaml has no agent 'mian'" in text for text in texts)


async def test_probe_tells_what_to_do_about_a_model_that_cannot_be_asked(run: Run, tmp_path: Path) -> None:
    entries = [{"model_name": "kimi", "model": "moonshot/k"}, {"model_name": "far", "model": "nowhere/f"}]
    (tmp_path / "javis.yaml").write_text(json.dumps({"model_list": entries}))
    key = "! model 'kimi': moonshot wants a key: set KIMI_API_KEY, or its api_key in javis.yaml"
    for command in ("probe", "list"):
        result = await run("models", command)
        assert key in result.output.splitlines()
        assert result.exit_code == int(command == "probe")
    findings = json.loads((await run("doctor", "--json")).output)
    base = next(each["text"] for each in findings if "nowhere/f" in each["text"])
    assert "api_base" in base
    assert "KIMI_API_KEY" not in base
