"""The models of the settings, by the names that agents and people use."""

import difflib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import httpx
from pydantic import SecretStr

from bot.providers.bases import ModelFault, locate
from bot.providers.openai_compatible import Endpoint, OpenAICompatible
from bot.providers.port import Provider
from channels.clock import Clock

_CONNECTIONS: Final = 2_000


class ModelEntry(Protocol):
    """One entry of `model_list`: a name, `<provider>/<id>`, and the way there.

    `api_base` None means the provider's usual address.
    """

    @property
    def model_name(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def api_key(self) -> SecretStr | None: ...
    @property
    def api_base(self) -> str | None: ...


class UnknownModel(ModelFault):
    """No entry has this name; `nearest` is the most similar name there is, None when none is similar."""

    def __init__(self, name: str, nearest: str | None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"model_list has no model_name {name!r}{hint}")
        self.nearest = nearest


class MissingKey(ModelFault):
    """The provider wants a key and the entry has none."""

    def __init__(self, model_name: str, provider: str) -> None:
        super().__init__(f"model {model_name!r}: provider {provider!r} needs an api_key")
        self.model_name = model_name
        self.provider = provider


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model that can be asked now: the way to it and the id it has there."""

    provider: Provider
    model_id: str


class Models:
    """The settings' model list. Entries with the same `model_name` take turns."""

    def __init__(self, entries: Iterable[ModelEntry], http: httpx.AsyncClient, clock: Clock) -> None:
        self._entries: dict[str, list[ModelEntry]] = {}
        for entry in entries:
            self._entries.setdefault(entry.model_name, []).append(entry)
        self._http = http
        self._clock = clock
        self._turns: Counter[str] = Counter()

    @property
    def names(self) -> Sequence[str]:
        """Every `model_name`, in the order of the settings."""
        return tuple(self._entries)

    def find(self, name: str) -> ModelChoice:
        """The entry whose turn it is. Raises UnknownModel, MissingKey or UnknownBase."""
        return self.find_all(name)[0]

    def find_all(self, name: str) -> Sequence[ModelChoice]:
        """Every usable entry of this name, beginning with the one whose turn it is; never empty.

        Entries with a fault are passed over while another is sound. Raises like `find`.
        """
        entries = self._entries.get(name)
        if entries is None:
            near = difflib.get_close_matches(name, self._entries, 1)
            raise UnknownModel(name, near[0] if near else None)
        choices, faults = list[ModelChoice](), list[ModelFault]()
        for entry in entries:
            try:
                choices.append(self._choice(entry))
            except ModelFault as fault:
                faults.append(fault)
        if not choices:
            raise faults[0]
        start = self._turns[name] % len(choices)
        self._turns[name] += 1
        return choices[start:] + choices[:start]

    def _choice(self, entry: ModelEntry) -> ModelChoice:
        place = locate(entry.model, entry.api_base)
        has_key = entry.api_key is not None and bool(entry.api_key.get_secret_value().strip())
        if place.needs_key and not has_key:
            raise MissingKey(entry.model_name, place.provider)
        endpoint = Endpoint(place.base_url, entry.api_key, replay=place.replay)
        provider = OpenAICompatible(self._http, endpoint, self._clock)
        return ModelChoice(provider, place.model_id)


@asynccontextmanager
async def open_http() -> AsyncIterator[httpx.AsyncClient]:
    """The connections to all providers; proxies are taken from the environment, as everywhere."""
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=100, keepalive_expiry=30.0)
    async with httpx.AsyncClient(limits=limits, trust_env=True, headers={"user-agent": "javis"}) as http:
        yield http
