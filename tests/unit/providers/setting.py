"""Entries of a model list, as tests write them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr


@dataclass(frozen=True)
class ListedEntry:
    model_name: str
    model: str
    api_key: SecretStr | None = None
    api_base: str | None = None
    proxy: SecretStr | None = None
    rpm: int | None = None
    weight: int = 1
    max_tokens_field: str = "max_tokens"
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    vision: bool = False
