"""The settings: what javis.yaml may say, and what the environment adds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import time
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from bot.catalogue import Language
from bot.settings.values import HttpAddress, Port, WallTime, Zone, utc
from channels.config import ChannelConfig, Strict


class ModelEntry(Strict):
    """One way to a model. `model` is `<provider>/<id>`; `api_base` None means the provider's usual address."""

    model_name: str = Field(min_length=1)
    model: str = Field(min_length=1)
    api_key: SecretStr | None = None
    api_base: HttpAddress | None = None


class ModelOrder(Strict):
    """A model's name, and those to ask in its place, in order."""

    primary: str
    fallbacks: list[str] = Field(default_factory=list)


class AgentDefaults(Strict):
    """What holds for each agent that says nothing else.

    None for `model`: the first of the model list; for the others: nothing is sent or read.
    `history_limit` counts records of the transcript.
    """

    model: str | ModelOrder | None = None
    workspace: str | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    history_limit: int = Field(default=50, ge=0)


class AgentSettings(Strict):
    """`agents`: the agents themselves stand in bindings.yaml."""

    defaults: AgentDefaults = Field(default_factory=AgentDefaults)


class GatewaySettings(Strict):
    """Where the gateway listens; port 0 takes any free one.

    `hosts` are further names by which it may be called, `origins` the web pages that may call it
    (`https://example.org`). `token` is JAVIS_GATEWAY_TOKEN. `rate_per_second` None: no limit.
    """

    enabled: bool = True
    host: str = Field(default="127.0.0.1", min_length=1)
    port: Port = 8080
    hosts: list[str] = Field(default_factory=list)
    origins: list[str] = Field(default_factory=list)
    token: SecretStr | None = None
    rate_per_second: float | None = Field(default=100, gt=0, allow_inf_nan=False)
    connections: int = Field(default=2000, ge=1)
    body_bytes: int = Field(default=1_048_576, ge=1024)
    frame_bytes: int = Field(default=262_144, ge=1024)


class WorkerBounds(Strict):
    """Between how many workers the pool of background tasks grows and shrinks."""

    min: int = Field(default=1, ge=1)
    max: int = Field(default=16, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise ValueError("must have a min that is not above its max")
        return self


class DispatchSettings(Strict):
    """Background tasks. `per_user` bounds one person's unfinished tasks; `model` None means `kimi`."""

    webhook_port: Port = 9001
    workers: WorkerBounds = Field(default_factory=WorkerBounds)
    timeout_seconds: float = Field(default=600, gt=0, allow_inf_nan=False)
    still_running_seconds: float = Field(default=120, gt=0, allow_inf_nan=False)
    per_user: int = Field(default=20, ge=1)
    model: str | None = None


class ActiveHours(Strict):
    """`start` belongs to them, `end` does not; they may pass midnight. Equal ones mean the whole day."""

    start: WallTime = time(8)
    end: WallTime = time(22)
    zone: Zone = Field(default_factory=utc)


class ChatAddress(Strict):
    """A chat by its platform id; `thread` None means the chat itself."""

    channel: str
    account: str = "default"
    chat: str
    thread: str | None = None


class HeartbeatSettings(Strict):
    """`agent` None means the default agent of bindings.yaml, `to` None the owner's direct chat."""

    enabled: bool = True
    every_minutes: int = Field(default=60, ge=1)
    active_hours: ActiveHours = Field(default_factory=ActiveHours)
    agent: str | None = None
    to: ChatAddress | None = None


class LogSettings(Strict):
    """`file` None: to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    file: str | None = None


class SettingsFile(Strict):
    """javis.yaml. Each channel is validated by its own model afterwards."""

    channels: dict[str, Any] = Field(default_factory=dict)
    model_list: list[ModelEntry] = Field(default_factory=list)
    agents: AgentSettings = Field(default_factory=AgentSettings)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    dispatch: DispatchSettings = Field(default_factory=DispatchSettings)
    heartbeat: HeartbeatSettings = Field(default_factory=HeartbeatSettings)
    language: Language = "zh-Hant"
    log: LogSettings = Field(default_factory=LogSettings)


@dataclass(frozen=True, slots=True)
class KimiSettings:
    """Kimi as the environment has it. `api_key` None: nobody set KIMI_API_KEY."""

    api_key: SecretStr | None
    api_url: str
    model: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All that the bot is told, from the file and the environment.

    `channels` holds those that the file mentions or for which the environment has a token, each with its
    manifest's own model, also where it is not enabled. `home` is absolute. `model_list` always has an entry `kimi`.
    """

    channels: Mapping[str, ChannelConfig]
    model_list: Sequence[ModelEntry]
    agents: AgentSettings
    gateway: GatewaySettings
    dispatch: DispatchSettings
    heartbeat: HeartbeatSettings
    language: Language
    log: LogSettings
    home: Path
    database: Path
    kimi: KimiSettings

    @property
    def secrets(self) -> frozenset[str]:
        """Every secret in plain text, for the log's redaction alone."""
        return frozenset(_secrets_in(self))


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for _, inner in value:
            yield from _secrets_in(inner)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _secrets_in(getattr(value, each.name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets_in(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in value:
            yield from _secrets_in(inner)
