"""PicoClaw's `providers`, from files and from the environment."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from bot.providers.connections import open_http
from bot.providers.models import Models
from bot.providers.port import ChatMessage, CompletionRequest
from bot.settings.language_models import ModelEntry
from bot.settings.legacy import provider_name, unlisted_entry
from bot.settings.load import load_settings
from bot.settings.model import Settings
from channels.clock import ManualClock
from routing.document import FileFaults
from tests.patience import PATIENCE_SECONDS
from tests.unit.providers.server import completion, open_provider_server

Load = Callable[..., Settings]
REQUEST = CompletionRequest([ChatMessage("user", "hi")])


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str = "{}", **environ: str) -> Settings:
        path = tmp_path / "javis.yaml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environ, {})

    return load


def key(entry: ModelEntry) -> str | None:
    return None if entry.api_key is None else entry.api_key.get_secret_value()


def test_provider_fills_in_what_an_entry_leaves_open(load: Load) -> None:
    settings = load("""
providers: {openrouter: {api_key: or-key, api_base: "http://127.0.0.1:1/v1", proxy: "socks5://127.0.0.1:2"}}
model_list:
  - {model_name: open, model: openrouter/x/y}
  - {model_name: own, model: openrouter/x/y, api_key: mine}
""")
    filled, own, _ = settings.model_list
    assert (key(filled), filled.api_base) == ("or-key", "http://127.0.0.1:1/v1")
    assert filled.proxy == SecretStr("socks5://127.0.0.1:2")
    assert (key(own), own.api_base) == ("mine", None)


def test_address_of_a_provider_that_asks_for_no_key_is_filled_in_too(load: Load) -> None:
    """A server at home has an address and no key."""
    settings = load("""
providers: {vllm: {api_base: "http://127.0.0.1:1/v1"}, ollama: {api_key: "", api_base: "http://127.0.0.1:2/v1"}}
model_list:
  - {model_name: open, model: vllm/x}
  - {model_name: elsewhere, model: vllm/x, api_base: "http://127.0.0.1:3/v1"}
  - {model_name: keyed, model: vllm/x, api_key: mine}
""")
    found = [(key(entry), entry.api_base) for entry in settings.model_list[:3]]
    assert found == [(None, "http://127.0.0.1:1/v1"), (None, "http://127.0.0.1:3/v1"), ("mine", None)]
    unlisted = unlisted_entry("ollama/y", settings.providers)
    assert unlisted is not None
    assert unlisted.api_base == "http://127.0.0.1:2/v1"


def test_environment_fills_in_what_the_file_leaves_open(load: Load) -> None:
    settings = load(
        "providers: {groq: {api_key: from-file}, deepseek: {api_key: ''}}",
        PICOCLAW_PROVIDERS_GROQ_API_KEY="from-environment",
        PICOCLAW_PROVIDERS_GROQ_API_BASE="http://127.0.0.1:3/v1",
        PICOCLAW_PROVIDERS_KIMI_CODE_API_KEY="code-key",
        PICOCLAW_PROVIDERS_ZHIPU_API_KEY=" ",
        PICOCLAW_AGENTS_DEFAULTS_MODEL="other",
    )
    groq = settings.providers["groq"]
    assert (groq.api_key, groq.api_base) == (SecretStr("from-file"), "http://127.0.0.1:3/v1")
    assert settings.providers["kimi-code"].api_key == SecretStr("code-key")
    assert settings.providers["deepseek"].api_key is None
    assert "zhipu" not in settings.providers
    assert {"from-file", "code-key"} <= settings.secrets


def test_address_that_is_none_is_told_without_its_text(load: Load) -> None:
    with pytest.raises(FileFaults) as caught:
        load(PICOCLAW_PROVIDERS_GROQ_API_BASE="s3cret@nowhere")
    assert "PICOCLAW_PROVIDERS_GROQ_API_BASE must be an address" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("written", ["kimi-code", "kimi_code", "KIMI_CODE", "kimi-coding", "kimi_coding"])
def test_every_spelling_of_kimi_code_is_one_provider(written: str) -> None:
    assert provider_name(written) == "kimi-code"


def test_moonshots_key_serves_kimi_where_kimi_has_none(load: Load) -> None:
    settings = load("providers: {moonshot: {api_key: m-key, api_base: 'https://api.moonshot.ai/v1'}}")
    (kimi,) = settings.model_list
    assert (key(kimi), kimi.api_base) == ("m-key", "https://api.moonshot.ai/v1")
    (own,) = load("providers: {moonshot: {api_key: m-key}}", KIMI_API_KEY="k").model_list
    assert (key(own), own.api_base) == ("k", "https://api.moonshot.cn/v1")


async def test_agent_may_name_a_providers_model_that_no_list_has(load: Load) -> None:
    async with open_provider_server() as server, open_http() as http:
        settings = load(f"providers: {{groq: {{api_key: g-key, api_base: '{server.base_url}'}}}}")
        models = Models(
            settings.model_list,
            lambda _proxy: http,
            ManualClock(),
            unlisted=lambda name: unlisted_entry(name, settings.providers),
        )
        server.reply(completion("hi"))
        await models.ask(["groq/a/b"], REQUEST)
        assert server.received[0].json["model"] == "a/b"
        assert server.received[0].headers["Authorization"] == "Bearer g-key"
        assert models.ways("groq/a/b")[0].id.provider == "groq"


async def test_stranger_cannot_reach_a_provider_by_naming_it() -> None:
    async with open_provider_server() as server, httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
        entry = ModelEntry(model_name="kimi", model="moonshot/k", api_key=SecretStr("k"), api_base=server.base_url)
        asked: list[str] = []

        def unlisted(name: str) -> ModelEntry | None:
            asked.append(name)
            return None

        models = Models([entry], lambda _proxy: http, ManualClock(), unlisted=unlisted)
        server.reply(completion("hi"))
        await models.ask(["groq/a/b"], REQUEST, ids_of="kimi")
        assert server.received[0].json["model"] == "groq/a/b"
        assert not asked
