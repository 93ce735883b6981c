"""From names to ways to a model."""

from dataclasses import dataclass

import httpx
import pytest
from pydantic import SecretStr

from bot.providers.bases import BASES, UnknownBase, locate
from bot.providers.models import MissingKey, Models, UnknownModel
from bot.providers.port import ChatMessage, CompletionRequest
from channels.clock import ManualClock
from tests.unit.providers.server import ProviderServer, completion


@dataclass(frozen=True)
class Entry:
    model_name: str
    model: str
    api_key: SecretStr | None = None
    api_base: str | None = None


@pytest.mark.parametrize("model", ["kimi-coding", "kimi-code/kimi-coding", "kimi_code/kimi-coding"])
def test_every_spelling_of_the_coding_endpoint_means_the_same(model: str) -> None:
    place = locate(model, None)
    assert (place.base_url, place.model_id) == ("https://api.kimi.com/coding/v1", "kimi-for-coding")


def test_other_ids_of_the_coding_endpoint_stay_as_written() -> None:
    assert locate("kimi-code/k3-256k", None).model_id == "k3-256k"


@pytest.mark.parametrize("provider", list(BASES))
def test_known_provider_has_its_usual_base(provider: str) -> None:
    place = locate(f"{provider}/a/b", None)
    assert place.base_url == BASES[provider].address
    assert place.model_id == "a/b"


def test_moonshot_lives_in_china() -> None:
    assert locate("moonshot/moonshot-v1-128k", None).base_url == "https://api.moonshot.cn/v1"


@pytest.mark.parametrize(
    ("model", "replay"),
    [
        ("moonshot/kimi-k3", "always"),
        ("kimi-code/k3-256k", "always"),
        ("openrouter/moonshotai/kimi-k3", "always"),
        ("deepseek/deepseek-v4", "with_tools"),
        ("openai/gpt-x", "never"),
    ],
)
def test_model_gets_back_the_reasoning_that_it_wants(model: str, replay: str) -> None:
    assert locate(model, None).replay == replay


def test_api_base_overrides_the_usual_one() -> None:
    assert locate("openai/m", "http://127.0.0.1:1234/v1/").base_url == "http://127.0.0.1:1234/v1"


def test_unknown_provider_without_base_is_told_with_the_nearest() -> None:
    with pytest.raises(UnknownBase, match=r"'moonshoot' is not known \(did you mean 'moonshot'\?\); set api_base"):
        locate("moonshoot/x", None)


def test_unknown_provider_with_base_needs_no_key() -> None:
    place = locate("vllm/meta/llama", "http://gpu:8000/v1")
    assert (place.provider, place.model_id, place.needs_key) == ("vllm", "meta/llama", False)


@pytest.mark.parametrize("base", ["gpu:8000", "ftp://gpu/", "http://", "http://gpu:port/", "/v1", "http://a:s3cret@"])
def test_base_that_is_no_address_is_told_without_repeating_it(base: str) -> None:
    with pytest.raises(UnknownBase) as caught:
        locate("vllm/x", base)
    assert "api_base" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("model", ["openai", "openai/"])
def test_model_without_an_id_is_told(model: str) -> None:
    with pytest.raises(UnknownBase, match="<provider>/<id>"):
        locate(model, None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_unknown_model_names_the_nearest(http: httpx.AsyncClient, clock: ManualClock) -> None:
    models = Models([Entry("kimi", "ollama/k")], http, clock)
    with pytest.raises(UnknownModel, match="did you mean 'kimi'") as caught:
        models.find("kimy")
    assert caught.value.nearest == "kimi"
    with pytest.raises(UnknownModel) as far:
        models.find("zzz")
    assert far.value.nearest is None


@pytest.mark.parametrize("key", [None, SecretStr("  ")])
def test_moonshot_without_key_is_told_wherever_it_lives(
    http: httpx.AsyncClient, clock: ManualClock, key: SecretStr | None
) -> None:
    models = Models([Entry("kimi", "moonshot/x", key, "http://127.0.0.1:1/v1")], http, clock)
    with pytest.raises(MissingKey) as caught:
        models.find("kimi")
    assert (caught.value.model_name, caught.value.provider) == ("kimi", "moonshot")


def test_server_at_home_needs_no_key(http: httpx.AsyncClient, clock: ManualClock) -> None:
    entries = [Entry("a", "openai/x", None, "http://127.0.0.1:1234/v1"), Entry("b", "ollama/x")]
    models = Models(entries, http, clock)
    assert [models.find(name).model_id for name in ("a", "b")] == ["x", "x"]
    with pytest.raises(MissingKey):
        Models([Entry("a", "openai/x")], http, clock).find("a")


async def test_entries_of_one_name_take_turns_with_their_own_keys(
    server: ProviderServer, http: httpx.AsyncClient, clock: ManualClock
) -> None:
    entries = [Entry("kimi", f"moonshot/m{n}", SecretStr(f"key-{n}"), server.base_url) for n in range(3)]
    models = Models([*entries, Entry("kimi", "moonshot/no-key")], http, clock)
    for _ in range(4):
        server.reply(completion())
        choice = models.find("kimi")
        await choice.provider.complete(choice.model_id, CompletionRequest([ChatMessage("user", "hi")]))
    assert [got.json["model"] for got in server.received] == ["m0", "m1", "m2", "m0"]
    assert [got.headers["Authorization"] for got in server.received[:2]] == ["Bearer key-0", "Bearer key-1"]


def test_every_usable_entry_is_offered_from_the_one_whose_turn_it_is(
    http: httpx.AsyncClient, clock: ManualClock
) -> None:
    models = Models([Entry("m", f"ollama/{name}") for name in "abc"], http, clock)
    offered = ["".join(choice.model_id for choice in models.find_all("m")) for _ in range(4)]
    assert offered == ["abc", "bca", "cab", "abc"]
    assert models.names == ("m",)
