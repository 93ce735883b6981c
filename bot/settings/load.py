"""From javis.yaml and the environment to the settings, with everything that is wrong told at once.

What the file says holds; the environment fills in what it leaves open.
"""

import pkgutil
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, SecretStr

from bot.settings.language_models import KIMI, ModelEntry, ProviderEntry
from bot.settings.legacy import filled, with_environment
from bot.settings.model import KimiSettings, Settings, SettingsFile
from bot.settings.values import is_http_address
from channels.config import ChannelConfig
from channels.port import ChannelManifest
from routing.document import Document, Fault, FileFaults, load_document, nearest, validate
from routing.yaml_reader import Place

KIMI_API_URL: Final = "https://api.moonshot.cn/v1"
KIMI_MODEL: Final = "moonshot-v1-128k"
SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = ("postgresql://", "postgres://")

M = TypeVar("M", bound=BaseModel)
Loc = tuple[str | int, ...]

_REFERENCE: Final = re.compile(r"\$\{([^{}]*)(\}?)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def load_settings(path: Path | None, environ: Mapping[str, str], manifests: Mapping[str, ChannelManifest]) -> Settings:
    """Read the settings; without a file (`path` None) they are all from `environ`. Raises FileFaults.

    A channel's own model is imported only when the file mentions the channel or its token variable is set.
    """
    nowhere = Document("environment", None, Place((0, 0)))
    document = load_document(path) if path else nowhere
    return _Loading(document, environ, manifests).settings()


class _Loading:
    """One run of `load_settings`; what is wrong gathers in `_faults`."""

    def __init__(
        self, document: Document, environ: Mapping[str, str], manifests: Mapping[str, ChannelManifest]
    ) -> None:
        self._document = document
        self._environ = environ
        self._manifests = manifests
        self._faults: list[Fault] = []

    def settings(self) -> Settings:
        data = self._filled(self._document.data, ())
        file = self._checked(SettingsFile, {} if data is None else data, ())
        channels = self._channels(data.get("channels") if isinstance(data, dict) else None)
        kimi = self._kimi()
        home = Path(self._variable("JAVIS_HOME") or "data").expanduser().absolute()
        database = self._database(home)
        webhook_port = self._webhook_port()
        providers, faults = with_environment({} if file is None else file.providers, self._environ)
        for words in faults:
            self._reject(words)
        if file is None or self._faults:
            raise FileFaults(self._faults)
        port_is_written = "webhook_port" in file.dispatch.model_fields_set  # also as null: there is none
        written = {name: getattr(file, name) for name in SettingsFile.model_fields}
        found = {
            "channels": channels,
            "model_list": filled(_with_kimi(file.model_list, kimi, providers), providers),
            "providers": providers,
            "gateway": _with(file.gateway, token=file.gateway.token or self._secret("JAVIS_GATEWAY_TOKEN")),
            "dispatch": file.dispatch if port_is_written else _with(file.dispatch, webhook_port=webhook_port),
        }
        return Settings(**{**written, **found}, home=home, database=database, kimi=kimi)

    def _variable(self, name: str) -> str | None:
        """An empty variable counts as one that is not set, as container files leave them."""
        return self._environ.get(name, "").strip() or None

    def _secret(self, name: str) -> SecretStr | None:
        value = self._variable(name)
        return None if value is None else SecretStr(value)

    def _filled(self, value: Any, loc: Loc) -> Any:
        if isinstance(value, dict):
            return {key: self._filled(inner, (*loc, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._filled(inner, (*loc, index)) for index, inner in enumerate(value)]
        if isinstance(value, str):
            return _REFERENCE.sub(lambda found: self._referred(found, loc), value)
        return value

    def _referred(self, found: re.Match[str], loc: Loc) -> str:
        name, closed = found.groups()
        if not closed or not _NAME.fullmatch(name):
            self._faults.append(self._document.fault(loc, "write ${NAME} with the name of an environment variable"))
            return found[0]
        value = self._variable(name)
        if value is None:
            words = f"${{{name}}} is not set in the environment: set it, or take this line out"
            self._faults.append(self._document.fault(loc, words))
            return found[0]
        return value

    def _checked(self, model: type[M], data: Any, at: Loc) -> M | None:
        try:
            return validate(self._document, model, data, at)
        except FileFaults as faults:
            self._faults += faults.faults
            return None

    def _channels(self, sections: Any) -> Mapping[str, ChannelConfig]:
        sections = dict(sections) if isinstance(sections, dict) else {}
        for name, manifest in self._manifests.items():
            token = self._variable(manifest.token_variable) if manifest.token_variable else None
            if token is not None:
                sections[name] = _with_token(sections.get(name), token)
            elif manifest.tokenless:
                sections.setdefault(name, {})
        configs = {name: self._channel(name, section) for name, section in sections.items()}
        return {name: config for name, config in configs.items() if config is not None}

    def _channel(self, name: str, section: Any) -> ChannelConfig | None:
        at = ("channels", name)
        manifest = self._manifests.get(name)
        if manifest is None:
            near = nearest(name, self._manifests)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(sorted(self._manifests))}"
            self._faults.append(self._document.fault(at, f"unknown channel {name!r}: {hint}", of_key=True))
            return None
        try:
            model: type[ChannelConfig] = pkgutil.resolve_name(manifest.config)
        except (ImportError, AttributeError):
            words = f"channel {name!r} does not load ({manifest.config}): install it again, or take it out"
            self._faults.append(self._document.fault(at, words, of_key=True))
            return None
        return self._checked(model, {} if section is None else section, at)

    def _kimi(self) -> KimiSettings:
        address = self._variable("KIMI_API_URL") or KIMI_API_URL
        if not is_http_address(address):
            self._reject("KIMI_API_URL must be an address that begins with https:// or http://")
        model = self._variable("KIMI_MODEL") or KIMI_MODEL
        return KimiSettings(self._secret("KIMI_API_KEY"), address, model)

    def _database(self, home: Path) -> Path | SecretStr:
        url = self._variable("JAVIS_DATABASE_URL")
        if url is None:
            return home / "javis.db"
        if url.startswith(POSTGRESQL):
            return SecretStr(url)
        if not url.startswith(SQLITE) or url == SQLITE:
            # The URL is not repeated: it may hold a password.
            self._reject("JAVIS_DATABASE_URL must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME")
        return Path(url.removeprefix(SQLITE)).expanduser().absolute()

    def _webhook_port(self) -> int | None:
        text = self._variable("WEBHOOK_PORT")
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
            self._reject("WEBHOOK_PORT must be a whole number from 0 to 65535")
            return None
        return int(text)

    def _reject(self, words: str) -> None:
        self._faults.append(Fault("environment", 0, 0, words))


def _with(section: M, **values: object) -> M:
    """`section` with these values; None leaves what is there."""
    return section.model_copy(update={key: value for key, value in values.items() if value is not None})


def _with_token(section: Any, token: str) -> Any:
    """`section` with `token` for the account `default`, unless it names accounts of its own."""
    if section is None:
        section = {}
    if not isinstance(section, dict):
        return section
    accounts = section.get("accounts")
    if accounts is None:
        accounts = {"default": None}
    if not isinstance(accounts, dict) or "default" not in accounts:
        return section
    account = accounts["default"] or {}
    if not isinstance(account, dict) or account.get("token") is not None:
        return section
    return {**section, "accounts": {**accounts, "default": {**account, "token": token}}}


def _with_kimi(
    entries: list[ModelEntry], kimi: KimiSettings, providers: Mapping[str, ProviderEntry]
) -> list[ModelEntry]:
    if any(entry.model_name == KIMI for entry in entries):
        return entries
    model = f"moonshot/{kimi.model}"
    if kimi.api_key is None and kimi.api_url == KIMI_API_URL and "moonshot" in providers:
        return [*entries, ModelEntry(model_name=KIMI, model=model)]
    return [*entries, ModelEntry(model_name=KIMI, model=model, api_key=kimi.api_key, api_base=kimi.api_url)]
