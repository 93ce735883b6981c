"""What javis.yaml says of the doors that others come in by: the gateway, and background tasks with their webhooks."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from bot.settings.values import HttpAddress, Port
from channels.config import Strict


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
