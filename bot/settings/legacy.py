"""`providers`: keys and addresses by provider, as PicoClaw's files and environment have them.

They fill in what entries of `model_list` leave open, and make `<provider>/<id>` a name that agents may use at once.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import SecretStr

from bot.settings.language_models import ModelEntry, ProviderEntry
from bot.settings.values import is_http_address

_VARIABLE: Final = re.compile(r"PICOCLAW_PROVIDERS_([A-Z0-9_]+)_(API_KEY|API_BASE)")


def with_environment(
    providers: Mapping[str, ProviderEntry], environ: Mapping[str, str]
) -> tuple[dict[str, ProviderEntry], list[str]]:
    """(providers by their one spelling, faults). What the file says holds; PICOCLAW_PROVIDERS_* fill in the rest."""
    found = {provider_name(name): entry for name, entry in providers.items()}
    faults = []
    for variable, text in environ.items():
        match, value = _VARIABLE.fullmatch(variable), text.strip()
        if match is None or not value:
            continue
        name, field = provider_name(match[1]), match[2].lower()
        if field == "api_base" and not is_http_address(value):
            faults.append(f"{variable} must be an address that begins with https:// or http://")
            continue
        entry = found.get(name, ProviderEntry())
        if getattr(entry, field) is None:
            update: dict[str, Any] = {field: SecretStr(value) if field == "api_key" else value}
            found[name] = entry.model_copy(update=update)
    return found, faults


def filled(entries: Sequence[ModelEntry], providers: Mapping[str, ProviderEntry]) -> list[ModelEntry]:
    """The entries, with what their provider has where they have nothing themselves."""
    return [_filled(entry, providers.get(provider_name(entry.model.partition("/")[0]))) for entry in entries]


def unlisted_entry(name: str, providers: Mapping[str, ProviderEntry]) -> ModelEntry | None:
    """The entry that `<provider>/<id>` stands for; None where `providers` has no such provider."""
    provider, slash, _ = name.partition("/")
    if not slash or provider_name(provider) not in providers:
        return None
    (entry,) = filled([ModelEntry(model_name=name, model=name)], providers)
    return entry


def provider_name(name: str) -> str:
    """One spelling for each provider: `KIMI_CODE`, `kimi_code` and `kimi-coding` are `kimi-code`."""
    plain = name.lower().replace("_", "-")
    return "kimi-code" if plain == "kimi-coding" else plain


def _filled(entry: ModelEntry, provider: ProviderEntry | None) -> ModelEntry:
    if provider is None:
        return entry
    update: dict[str, Any] = {}
    if entry.api_key is None:  # a key belongs to an address: another one would refuse it
        update = {"api_key": provider.api_key, "api_base": entry.api_base or provider.api_base}
    return entry.model_copy(update={**update, "proxy": entry.proxy or provider.proxy})
