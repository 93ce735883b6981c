"""What javis.yaml says of heartbeats and schedules."""

from datetime import time

from pydantic import Field

from bot.settings.values import LocalZone, WallTime, Zone, here, utc
from channels.config import Strict


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
