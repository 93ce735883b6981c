"""From names to ways to a model."""

from collections.abc import Callable

import httpx
import pytest
from pydantic import SecretStr

from bot.providers.bases import BASES, UnknownBase, locate
from bot.providers.models import Models, UnknownModel
from bot.providers.way import MissingKey, key_label
from channels.clock import ManualClock
from tests.unit.providers.setting import ListedEntry as Entry


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
    assert place.model_id == ("openclaw/a/b" if provider == "openclaw" else "a/b")


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


Build = Callable[..., Models]


@pytest.fixture
def build(http: httpx.AsyncClient, clock: ManualClock) -> Build:
    return lambda *entries: Models(entries, lambda _proxy: http, clock)


def test_unknown_model_names_the_nearest(build: Build) -> None:
    models = build(Entry("kimi", "ollama/k"))
    with pytest.raises(UnknownModel, match="did you mean 'kimi'") as caught:
        models.ways("kimy")
    assert caught.value.nearest == "kimi"
    with pytest.raises(UnknownModel) as far:
        models.ways("zzz")
    assert far.value.nearest is None


@pytest.mark.parametrize("key", [None, SecretStr("  ")])
def test_moonshot_without_key_is_told_wherever_it_lives(build: Build, key: SecretStr | None) -> None:
    models = build(Entry("kimi", "moonshot/x", key, "http://127.0.0.1:1/v1"))
    with pytest.raises(MissingKey) as caught:
        models.ways("kimi")
    assert (caught.value.model_name, caught.value.provider) == ("kimi", "moonshot")


def test_server_at_home_needs_no_key(build: Build) -> None:
    models = build(Entry("a", "openai/x", None, "http://127.0.0.1:1234/v1"), Entry("b", "ollama/x"))
    assert [models.ways(name)[0].model_id for name in ("a", "b")] == ["x", "x"]
    with pytest.raises(MissingKey):
        build(Entry("a", "openai/x")).ways("a")


def test_sound_entry_is_used_beside_one_with_a_fault(build: Build) -> None:
    models = build(Entry("m", "moonshot/no-key"), Entry("m", "ollama/x"))
    assert [way.model_id for way in models.ways("m")] == ["x"]
    assert [type(fault) for fault in models.faults("m")] == [MissingKey]
    assert models.names == ("m",)


def test_label_of_a_key_tells_it_from_others_and_nothing_of_it() -> None:
    labels = {key_label(key) for key in ("sk-one", "sk-two", "")}
    assert len(labels) == 3
    assert key_label("sk-one") == key_label("sk-one")
    assert not any("sk" in label or "one" in label for label in labels)
