"""The seam to MCP servers: what one is, and what can be done with it while it runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic import SecretStr

from bot.tools.port import ToolResult


class ServerGone(Exception):
    """The server cannot be reached (any more). `args[0]` is for the log."""


class ServerEntry(Protocol):
    """One server of the settings: a `command` to run, or a `url` to speak with. `agents` None: all of them."""

    @property
    def command(self) -> str | None: ...
    @property
    def args(self) -> Sequence[str]: ...
    @property
    def env(self) -> Mapping[str, SecretStr]: ...
    @property
    def cwd(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def headers(self) -> Mapping[str, SecretStr]: ...
    @property
    def agents(self) -> Sequence[str] | None: ...
    @property
    def confirm(self) -> Literal["auto", "always", "never"]: ...


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool as its server describes it. `read_only` is the server's own word for it."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    read_only: bool


class RemoteTools(Protocol):
    """A connection to a server."""

    async def list(self) -> Sequence[RemoteTool]:
        """Raises ServerGone."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Raises ToolFailed, ServerGone."""
        ...
