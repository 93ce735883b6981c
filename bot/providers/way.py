"""One way to a model: an entry of `model_list` with everything that is needed to ask it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import httpx
from pydantic import SecretStr

from bot.providers.bases import ModelFault, locate
from bot.providers.cooldown import WayId
from bot.providers.openai_compatible import Endpoint, OpenAICompatible
from bot.providers.port import Provider
from channels.clock import Clock

NO_KEY: Final = "-"


class ModelEntry(Protocol):
    """One entry of `model_list`: a name, `<provider>/<id>`, and the way there.

    `api_base` None means the provider's usual address, `proxy` None the environment's, `rpm` None no limit of calls
    a minute. Entries with one name share the load by `weight`. `vision`: the model is shown images.
    """

    @property
    def model_name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def api_key(self) -> SecretStr | None: ...
    @property
    def api_base(self) -> str | None: ...
    @property
    def proxy(self) -> SecretStr | None: ...
    @property
    def rpm(self) -> int | None: ...
    @property
    def weight(self) -> int: ...
    @property
    def max_tokens_field(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, SecretStr]: ...
    @property
    def vision(self) -> bool: ...


class MissingKey(ModelFault):
    """The provider wants a key and the entry has none."""

    def __init__(self, model_name: str, provider: str) -> None:
        variable = "KIMI_API_KEY, or " if model_name == "kimi" else ""
        super().__init__(f"model {model_name!r}: {provider} wants a key: set {variable}its api_key in javis.yaml")
        self.model_name = model_name
        self.provider = provider


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """`id` is what its cooldown belongs to; `price_name` (`<provider>/<id>` as written) finds its price."""

    name: str
    id: WayId
    model_id: str
    provider: Provider = field(repr=False)
    weight: int = 1
    rpm: int | None = None
    price_name: str = ""
    vision: bool = False

    def price_names(self, model_id: str | None) -> Sequence[str]:
        """What finds the price of a call, the closest first; `model_id` is what was asked in place of its own."""
        if model_id is None:
            return (self.price_name,)
        return f"{self.price_name.partition('/')[0]}/{model_id}", self.price_name


def make_way(entry: ModelEntry, http: Callable[[str | None], httpx.AsyncClient], clock: Clock) -> Way:
    """`http` gives the connections through a proxy, or without one. Raises MissingKey, UnknownBase."""
    place = locate(entry.model, entry.api_base)
    key = "" if entry.api_key is None else entry.api_key.get_secret_value().strip()
    if place.needs_key and not key:
        raise MissingKey(entry.model_name, place.provider)
    headers = {name.lower(): value.get_secret_value() for name, value in entry.headers.items()}
    endpoint = Endpoint(place.base_url, entry.api_key, headers, entry.max_tokens_field, place.replay, entry.vision)
    proxy = None if entry.proxy is None else entry.proxy.get_secret_value()
    return Way(
        name=entry.model_name,
        id=WayId(place.provider, httpx.URL(place.base_url).netloc.decode("ascii"), key_label(key), place.model_id),
        model_id=place.model_id,
        provider=OpenAICompatible(http(proxy), endpoint, clock),
        weight=entry.weight,
        rpm=entry.rpm,
        price_name=entry.model,
        vision=entry.vision,
    )


def key_label(key: str) -> str:
    """A name for a key that tells it from others and nothing of it: the same after every restart."""
    return hashlib.sha256(b"javis key label\0" + key.encode("utf-8", "replace")).hexdigest()[:8] if key else NO_KEY
