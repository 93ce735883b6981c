"""The settings: what javis.yaml may say, and what the environment adds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr

from bot.catalogue import Language
from bot.settings.agents import AgentSettings
from bot.settings.doors import DispatchSettings, GatewaySettings
from bot.settings.heartbeat import HeartbeatSettings, ScheduleSettings
from bot.settings.language_models import BudgetSettings, CooldownSettings, ModelEntry, ProviderEntry
from bot.settings.tools import ToolSettings
from channels.config import ChannelConfig, Strict

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
