"""What javis.yaml says of tools: which there are, and who may use them."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from bot.settings.values import HttpAddress, ServerName
from channels.config import Strict


class DuckDuckGoSettings(Strict):
    """`max_results` of one search."""

    enabled: bool = True
    max_results: int = Field(default=5, ge=1, le=20)


class FetchSettings(Strict):
    """Reading pages of the open Internet."""

    enabled: bool = True


class WebToolSettings(Strict):
    """What agents may do on the web."""

    duckduckgo: DuckDuckGoSettings = Field(default_factory=DuckDuckGoSettings)
    fetch: FetchSettings = Field(default_factory=FetchSettings)


class ToolAllowance(Strict):
    """Name patterns by who can have put words into the conversation: the owner alone, one other person, several.

    Only the owner reaches what acts on the outside; in a group not even the owner, because others write there too.
    """

    owner: list[str] = Field(default_factory=lambda: ["*"])
    direct: list[str] = Field(default_factory=lambda: ["web_*", "memory_*", "remind_*"])
    group: list[str] = Field(default_factory=lambda: ["web_*", "memory_*", "remind_*"])


class McpServerSettings(Strict):
    """One MCP server: a `command` that is run and spoken with over its standard streams, or a `url` (streamable HTTP).

    `agents` None: every agent may have its tools. `confirm`: whether its tools are asked about before they are
    used; `auto` asks unless the server calls a tool read-only.
    """

    enabled: bool = True
    command: str | None = Field(default=None, min_length=1)
    args: list[str] = Field(default_factory=list)
    env: dict[str, SecretStr] = Field(default_factory=dict)
    cwd: str | None = None
    url: HttpAddress | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    agents: list[str] | None = None
    confirm: Literal["auto", "always", "never"] = "auto"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("must have either a command or a url")
        if self.url is not None and (self.args or self.env or self.cwd):
            raise ValueError("must have args, env and cwd only beside a command")
        if self.command is not None and self.headers:
            raise ValueError("must have headers only beside a url")
        return self


class ToolSettings(Strict):
    """`tools`: an agent of bindings.yaml narrows them with patterns of its own.

    `seconds` bounds one call, `result_characters` what a model reads of its result.
    """

    web: WebToolSettings = Field(default_factory=WebToolSettings)
    mcp: dict[ServerName, McpServerSettings] = Field(default_factory=dict)
    allow: ToolAllowance = Field(default_factory=ToolAllowance)
    seconds: float = Field(default=60, gt=0, le=600, allow_inf_nan=False)
    result_characters: int = Field(default=16_000, ge=500, le=200_000)
