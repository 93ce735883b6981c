"""bindings.yaml as it is written: its keys, their types and what holds where one is left out."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from routing.address import PeerKind
from routing.session_key import DmScope

LEGACY_WORDS: Final[Mapping[str, str]] = {
    "agentId": "agent",
    "agent_id": "agent",
    "accountId": "match.account",
    "account_id": "match.account",
    "channel": "match.channel",
    "guildId": "match.guild",
    "guild_id": "match.guild",
    "peer_id": "match.peer.id",
    "peer_kind": "match.peer.kind",
    "tier": "match",
    "match_key": "match",
    "match_value": "match",
}
"""Keys of bindings in the files of OpenClaw and claw0, and where a binding has them here."""


def _slug(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", text):
        raise ValueError("must be lower-case letters, digits, - and _ (64 at most, no sign in front)")
    return text


def _platform_id(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be the platform's id, as text in quotes or as a whole number")  # noqa: TRY004 - pydantic
    if not str(value).strip():
        raise ValueError("must be the platform's id, but is empty")
    if value == "*":
        raise ValueError("must be an id; for any id leave the key out")
    return str(value)


def _account(text: str) -> str:
    if text == "*":
        raise ValueError("must be an account; for any account leave the key out")
    return text


Slug = Annotated[
    str, AfterValidator(_slug), WithJsonSchema({"type": "string", "pattern": r"^[a-z0-9][a-z0-9_-]{0,63}$"})
]
Text = Annotated[str, StringConstraints(min_length=1)]
PlatformId = Annotated[
    str,
    BeforeValidator(_platform_id),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"\S", "not": {"const": "*"}}]}),
]
Account = Annotated[
    str,
    StringConstraints(min_length=1),
    AfterValidator(_account),
    WithJsonSchema({"type": "string", "minLength": 1, "not": {"const": "*"}}),
]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ModelChain(_Entry):
    """The model to ask first, and those to ask when it fails, in order."""

    primary: Text
    fallbacks: list[Text] = []


class AgentEntry(_Entry):
    """One agent. None: the settings' `agents.defaults` decide. `name` is shown to people, `id` is what all refer to."""

    id: Slug
    kind: Slug = "llm"
    name: Text | None = None
    model: Text | ModelChain | None = None
    workspace: Text | None = None
    max_tokens: Annotated[int, Field(gt=0)] | None = None
    temperature: Annotated[float, Field(ge=0)] | None = None
    max_tool_iterations: Annotated[int, Field(gt=0)] = 20
    tools: list[Text] | None = None


class PeerEntry(_Entry):
    kind: PeerKind | None = None
    id: PlatformId | None = None


class MatchEntry(_Entry):
    channel: Slug | None = None
    account: Account | None = None
    peer: PeerEntry = PeerEntry()
    thread: PlatformId | None = None
    guild: PlatformId | None = None
    roles: Annotated[list[PlatformId], Field(min_length=1)] | None = None
    sender: PlatformId | None = None


class BindingEntry(_Entry):
    agent: Text
    match: MatchEntry
    priority: int = 0

    @model_validator(mode="before")
    @classmethod
    def _not_legacy(cls, value: Any) -> Any:
        """One complaint about a binding in another program's form, in place of one for each of its keys."""
        if isinstance(value, dict):
            match = value.get("match")
            inside = [key for key in match if key != "channel"] if isinstance(match, dict) else []
            moved: dict[str, list[str]] = {}
            for key in (*value, *inside):
                if key in LEGACY_WORDS:
                    moved.setdefault(LEGACY_WORDS[key], []).append(f"`{key}`")
            if moved:
                words = "; ".join(f"`{here}` for {', '.join(there)}" for here, there in moved.items())
                raise ValueError(f"is in another program's form, unlike others here: write {words}")
        return value


class DefaultsEntry(_Entry):
    agent: Text = "main"
    dm_scope: DmScope = "per-channel-peer"
    identity_links: dict[Slug, list[Text]] = {}


class FileEntry(_Entry):
    agents: list[AgentEntry] = []
    bindings: list[BindingEntry] = []
    defaults: DefaultsEntry = DefaultsEntry()

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, value: Any) -> Any:
        """A key below which everything is commented out says nothing."""
        return {key: inner for key, inner in value.items() if inner is not None} if isinstance(value, dict) else value
