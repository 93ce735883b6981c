"""The settings: what javis.yaml may say, and what the environment adds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

from bot.catalogue import Language
from bot.settings.language_models import BudgetSettings, CooldownSettings, ModelEntry, ProviderEntry
from bot.settings.tools import (
    ToolSettings,
)
from bot.settings.values import (
    HttpAddress,
    LocalZone,
    Port,
    WallTime,
    Zone,
    here,
    utc,
)
from channels.config import ChannelConfig, Strict

KIMI: Final = "kimi"
"""The model that background tasks take; the model list always has it."""


class ModelOrder(Strict):
    """A model's name, and those to ask in its place, in order."""

    primary: str
    fallbacks: list[str] = Field(default_factory=list)


class AgentDefaults(Strict):
    """What holds for each agent that says nothing else.

    None for `model`: the first of the model list; for the others: nothing is sent or read.
    `history_limit` counts records of the transcript, `history_characters` what they hold: set it lower for a model with
    a small window. 60,000 are about as many tokens of Chinese, 15,000 of English.
    """

    model: str | ModelOrder | None = None
    workspace: str | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    history_limit: int = Field(default=50, ge=0)
    history_characters: int = Field(default=60_000, ge=1_000)


class AgentSettings(Strict):
    """`agents`: the agents themselves stand in bindings.yaml. `choices` may be chosen by `/model` (None: all)."""

    defaults: AgentDefaults = Field(default_factory=AgentDefaults)
    choices: list[str] | None = None


class GatewaySettings(Strict):
    """Where the gateway listens; port 0 takes any free one.

    `hosts` are further names by which it may be called, `origins` the web pages that may call it
    (`https://example.org`). `token` is JAVIS_GATEWAY_TOKEN. `rate_per_second` None: no limit. `openai_body_bytes` is
    for `/v1/chat/completions`, where a body holds whole conversations with their images.
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
    openai_body_bytes: int = Field(default=16_777_216, ge=1024)
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
    """Background tasks. `per_user` bounds one person's unfinished tasks, `most` everybody's; `model` None means `kimi`.
    `redis_url` None: wake-ups go by the database alone.

    The webhook listener: `webhook_port` None: there is none; `webhook_url` is the root under which others reach it,
    None: its own host and port; `webhook_rate_per_second` is for each address, None: no limit.
    A task that somebody else works on ends after `external_timeout_seconds`. Results are posted to the open Internet,
    and to `private_hosts`.
    """

    webhook_host: str = Field(default="127.0.0.1", min_length=1)
    webhook_port: Port | None = 9001
    webhook_url: HttpAddress | None = None
    webhook_rate_per_second: float | None = Field(default=20, gt=0, allow_inf_nan=False)
    webhook_body_bytes: int = Field(default=8_388_608, ge=1024)
    external_timeout_seconds: float = Field(default=86_400, gt=0, allow_inf_nan=False)
    private_hosts: list[str] = Field(default_factory=list)
    workers: WorkerBounds = Field(default_factory=WorkerBounds)
    timeout_seconds: float = Field(default=600, gt=0, allow_inf_nan=False)
    still_running_seconds: float = Field(default=120, gt=0, allow_inf_nan=False)
    per_user: int = Field(default=20, ge=1)
    most: int = Field(default=10_000, ge=1)
    model: str | None = None
    redis_url: SecretStr | None = None

    def limit(self, runner: Literal["house", "external"]) -> timedelta:
        """How long a task may take."""
        return timedelta(seconds=self.external_timeout_seconds if runner == "external" else self.timeout_seconds)


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


class AgentHeartbeat(Strict):
    """What is different for one agent; None: as the others have it."""

    every_minutes: int | None = Field(default=None, ge=1)
    active_hours: ActiveHours | None = None
    to: ChatAddress | None = None


class HeartbeatSettings(Strict):
    """`agent` None means the default agent of bindings.yaml, `to` None the owner's direct chat.

    `agents` names further agents that have a heartbeat, with what is different for each of them.
    """

    enabled: bool = True
    every_minutes: int = Field(default=60, ge=1)
    active_hours: ActiveHours = Field(default_factory=ActiveHours)
    agent: str | None = None
    to: ChatAddress | None = None
    agents: dict[str, AgentHeartbeat] = Field(default_factory=dict)


class ScheduleSettings(Strict):
    """`zone`: what people mean who say a time of day; by default that of the machine."""

    zone: LocalZone = Field(default_factory=here)


WhenUnknown = Literal["resend", "hold"]


class WhenUnknownSettings(Strict):
    """By kind: sent again, labelled as a possible duplicate, or kept as `unknown` for a person."""

    answer: WhenUnknown = "resend"
    notice: WhenUnknown = "resend"
    heartbeat: WhenUnknown = "hold"


class DeliverySettings(Strict):
    """`when_unknown`: what becomes of a message of which nobody, its channel included, can tell whether it arrived."""

    when_unknown: WhenUnknownSettings = Field(default_factory=WhenUnknownSettings)

    @property
    def resent(self) -> frozenset[Literal["answer", "notice", "heartbeat"]]:
        """The kinds that are sent again."""
        kinds: tuple[Literal["answer", "notice", "heartbeat"], ...] = ("answer", "notice", "heartbeat")
        return frozenset(kind for kind in kinds if getattr(self.when_unknown, kind) == "resend")


class LogSettings(Strict):
    """`file` None: to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    file: str | None = None


class SessionSettings(Strict):
    """`idle_days`: a session in which nobody spoke for so long is archived; null: never.

    `compaction`: what an agent reads in the place of what is too long for it: a `summary` that its model writes, or
    nothing (`cut`).
    """

    compaction: Literal["summary", "cut"] = "summary"
    idle_days: int | None = Field(default=30, ge=1)

    @property
    def idle(self) -> timedelta | None:
        return None if self.idle_days is None else timedelta(days=self.idle_days)


class TraceSettings(Strict):
    """For how long the road of each message is kept. After nine days it is found by the message's id alone."""

    enabled: bool = True
    keep_days: int = Field(default=9, ge=1)

    @property
    def keep(self) -> timedelta | None:
        """None: nothing is written."""
        return timedelta(days=self.keep_days) if self.enabled else None


class MachineSettings(Strict):
    """Several machines on one PostgreSQL. One that was not heard of for `lease_seconds` is taken for dead."""

    lease_seconds: float = Field(default=6, ge=1, le=600)


class SettingsFile(Strict):
    """javis.yaml. Each channel is validated by its own model afterwards."""

    channels: dict[str, Any] = Field(default_factory=dict)
    model_list: list[ModelEntry] = Field(default_factory=list)
    providers: dict[str, ProviderEntry] = Field(default_factory=dict)
    agents: AgentSettings = Field(default_factory=AgentSettings)
    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
    delivery: DeliverySettings = Field(default_factory=DeliverySettings)
    dispatch: DispatchSettings = Field(default_factory=DispatchSettings)
    heartbeat: HeartbeatSettings = Field(default_factory=HeartbeatSettings)
    schedules: ScheduleSettings = Field(default_factory=ScheduleSettings)
    cooldown: CooldownSettings = Field(default_factory=CooldownSettings)
    tools: ToolSettings = Field(default_factory=ToolSettings)
    budgets: BudgetSettings = Field(default_factory=BudgetSettings)
    language: Language = "zh-Hant"
    log: LogSettings = Field(default_factory=LogSettings)
    sessions: SessionSettings = Field(default_factory=SessionSettings)
    trace: TraceSettings = Field(default_factory=TraceSettings)
    machines: MachineSettings = Field(default_factory=MachineSettings)


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
    manifest's own model, also where it is not enabled. `home` is absolute. `database` is a SQLite file or the URL of a
    PostgreSQL server. `model_list` always has an entry `kimi`; what `providers` (by their one spelling) have is
    filled into it already.
    """

    channels: Mapping[str, ChannelConfig]
    model_list: Sequence[ModelEntry]
    providers: Mapping[str, ProviderEntry]
    agents: AgentSettings
    gateway: GatewaySettings
    delivery: DeliverySettings
    dispatch: DispatchSettings
    heartbeat: HeartbeatSettings
    schedules: ScheduleSettings
    cooldown: CooldownSettings
    tools: ToolSettings
    budgets: BudgetSettings
    language: Language
    log: LogSettings
    sessions: SessionSettings
    trace: TraceSettings
    machines: MachineSettings
    home: Path
    database: Path | SecretStr
    kimi: KimiSettings

    @property
    def archive(self) -> Path:
        """Where sessions go that have ended."""
        return self.home / "sessions" / "archive"

    @property
    def simulator_home(self) -> Path:
        """The home of a bot among stand-ins."""
        return self.home / "simulator"

    @property
    def has_tokens(self) -> bool:
        """Whether any platform can be reached; a bot that reaches none runs among stand-ins."""
        return any(
            config.enabled and any(account.is_ready for account in config.accounts.values())
            for config in self.channels.values()
        )

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
