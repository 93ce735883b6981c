"""What javis.yaml says of models: which there are, how long a failed one is left alone, what they may cost."""

from typing import Any, Final

from pydantic import Field, SecretStr, model_validator

from bot.settings.values import (
    HeaderName,
    HeaderValue,
    HttpAddress,
    ProxyAddress,
    Zone,
    utc,
)
from channels.config import Strict

KIMI: Final = "kimi"
"""The model that background tasks take; the model list always has it."""


class ModelEntry(Strict):
    """One way to a model. `model` is `<provider>/<id>`; `api_base` None means the provider's usual address.

    Entries of one `model_name` share the load by `weight`; `rpm` bounds the calls a minute (None: no bound). `proxy`
    None means what the environment says; it may hold a password, and `headers` a gateway's own key. `vision`: the
    model is shown the images that people send.
    """

    model_name: str = Field(min_length=1)
    model: str = Field(min_length=1)
    api_key: SecretStr | None = None
    api_base: HttpAddress | None = None
    proxy: ProxyAddress | None = None
    rpm: int | None = Field(default=None, ge=1, le=100_000)
    weight: int = Field(default=1, ge=1, le=1000)
    max_tokens_field: str = Field(default="max_tokens", pattern="^[a-z_]{1,64}$")
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    vision: bool = False


class ProviderEntry(Strict):
    """What all models of a provider share that say nothing themselves. Empty texts count as nothing."""

    api_key: SecretStr | None = None
    api_base: HttpAddress | None = None
    proxy: ProxyAddress | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, data: Any) -> Any:
        return {key: None if value == "" else value for key, value in data.items()} if isinstance(data, dict) else data


class CooldownSettings(Strict):
    """Seconds for which a key is left alone after its first failure, by the failure's class; they double."""

    rate_limit: float = Field(default=60, ge=1, le=86_400)
    timeout: float = Field(default=30, ge=1, le=86_400)
    server: float = Field(default=120, ge=1, le=86_400)
    auth: float = Field(default=300, ge=1, le=86_400)
    billing: float = Field(default=900, ge=1, le=86_400)


class Price(Strict):
    """Of a million tokens. `cached` None: they cost what other tokens of the prompt cost."""

    prompt: float = Field(ge=0, allow_inf_nan=False)
    cached: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    completion: float = Field(ge=0, allow_inf_nan=False)


class Limit(Strict):
    """What may be spent in a day; None: as much as there is."""

    tokens: int | None = Field(default=None, ge=0)
    money: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class BudgetSettings(Strict):
    """`bot` bounds all together, `agent` and `peer` each agent and each chat; `agents` and `peers` name exceptions.

    A peer is `<channel>:<chat>`; background tasks belong to the agent `kimi`. `prices` are by `<provider>/<id>`, as
    `model_list` has it. Days begin at midnight in `zone`.
    """

    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    prices: dict[str, Price] = Field(default_factory=dict)
    zone: Zone = Field(default_factory=utc)
    bot: Limit = Field(default_factory=Limit)
    agent: Limit = Field(default_factory=Limit)
    peer: Limit = Field(default_factory=Limit)
    agents: dict[str, Limit] = Field(default_factory=dict)
    peers: dict[str, Limit] = Field(default_factory=dict)
