"""The tools of MCP servers. A server runs from the first turn that could use it until the bot stops."""

import asyncio
import hashlib
import importlib
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from bot.providers.port import ToolSpec
from bot.tools.mcp_link import McpLink
from bot.tools.mcp_port import RemoteTool, RemoteTools, ServerEntry, ServerGone
from bot.tools.port import Principal, Tool, ToolResult, ToolSource
from channels.clock import Clock

log = logging.getLogger(__name__)

MOST_TOOLS: Final = 64
MOST_SCHEMA_CHARACTERS: Final = 20_000
MOST_DESCRIPTION: Final = 2_000
_NAME_CHARACTERS: Final = 64  # https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools


class McpTool(Tool):
    """A server's tool under the name `<server>_<tool>`."""

    def __init__(self, server: str, entry: ServerEntry, remote: RemoteTool, link: McpLink) -> None:
        self._remote = remote
        self._link = link
        self._spec = ToolSpec(tool_name(server, remote.name), remote.description[:MOST_DESCRIPTION], remote.parameters)
        self.risky = not remote.read_only if entry.confirm == "auto" else entry.confirm == "always"

    @property
    @override
    def spec(self) -> ToolSpec:
        return self._spec

    @override
    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        return await self._link.call(self._remote.name, arguments, again=self._remote.read_only)


@dataclass(frozen=True, slots=True)
class _Server:
    name: str
    entry: ServerEntry
    link: McpLink


class McpServers(ToolSource):
    """All servers of the settings. `folder` takes what their commands write to standard error."""

    def __init__(self, entries: Mapping[str, ServerEntry], folder: Path, clock: Clock) -> None:
        self._servers = [
            _Server(name, entry, McpLink(name, _connector(entry, folder / f"{name}.log"), clock))
            for name, entry in entries.items()
        ]

    @override
    async def tools(self, agent: str) -> Sequence[Tool]:
        servers = [each for each in self._servers if each.entry.agents is None or agent in each.entry.agents]
        found = await asyncio.gather(*(_tools_of(server) for server in servers))
        return [tool for tools in found for tool in tools]

    async def check(self) -> Mapping[str, int | None]:
        """How many tools each server has; None where it does not run."""
        found = await asyncio.gather(*(_count(server) for server in self._servers))
        return {server.name: count for server, count in zip(self._servers, found, strict=True)}

    async def close(self) -> None:
        """Stop all servers."""
        await asyncio.gather(*(server.link.close() for server in self._servers))


def tool_name(server: str, tool: str) -> str:
    """A name that every provider takes; names that are too long or odd keep apart by a digest."""
    plain = f"{server}_{tool}"
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", plain)
    if name == plain and len(name) <= _NAME_CHARACTERS:
        return name
    digest = hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{name[: _NAME_CHARACTERS - 9]}_{digest}"


async def _count(server: _Server) -> int | None:
    try:
        return len(await server.link.tools())
    except ServerGone:
        return None


async def _tools_of(server: _Server) -> list[Tool]:
    try:
        remote = await server.link.tools()
    except ServerGone as gone:
        log.info("An MCP server has no tools now", extra={"server": server.name, "reason": str(gone)})
        return []
    sound = [tool for tool in remote if len(json.dumps(dict(tool.parameters))) <= MOST_SCHEMA_CHARACTERS]
    if len(sound) < len(remote) or len(sound) > MOST_TOOLS:
        log.warning("Some tools of an MCP server are left out", extra={"server": server.name, "tools": len(remote)})
    return [McpTool(server.name, server.entry, tool, server.link) for tool in sound[:MOST_TOOLS]]


def _connector(entry: ServerEntry, log_file: Path) -> Any:
    @asynccontextmanager
    async def connect() -> AsyncIterator[RemoteTools]:
        # The SDK takes a second to import: who has no server does not wait for it.
        client = await asyncio.to_thread(importlib.import_module, "bot.tools.mcp_client")
        async with client.connect(entry, log_file) as remote:
            yield remote

    return connect
