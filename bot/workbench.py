"""What agents work with: which tools there are, by the settings, and the stores behind them."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.approvals import ApprovalStore
from bot.jobs.store import JobStore
from bot.letterbox import Letterbox
from bot.memory.store import MemoryStore
from bot.settings.model import Settings
from bot.settings.tools import ToolSettings
from bot.storage.port import Storage
from bot.tools.built_in import HouseTools
from bot.tools.chats import chat_tools
from bot.tools.fetch import fetch_tool
from bot.tools.mcp_servers import McpServers
from bot.tools.memory import memory_tools
from bot.tools.policy import Policy
from bot.tools.port import Tool, Workshop
from bot.tools.reminders import Wording, reminder_tools
from bot.tools.search import search_tool
from bot.tools.workshop import Tools
from bot.web_guard import open_guarded_session
from channels.clock import Clock


@dataclass(frozen=True, slots=True)
class Workbench:
    """Made by `open_workbench`. `tools` are those that need no other part of the bot."""

    memory: MemoryStore
    approvals: ApprovalStore
    tools: Tools
    clock: Clock

    def with_house(
        self, settings: Settings, letterbox: Letterbox, jobs: JobStore, changed: Callable[[], None], wording: Wording
    ) -> Workshop:
        """All tools: also those that write to other chats and set reminders. `changed` is told of new jobs."""
        reminders = reminder_tools(jobs, self.clock, settings.schedules.zone, changed, wording)
        return self.tools.with_source(HouseTools([*chat_tools(letterbox), *reminders]))


@asynccontextmanager
async def open_workbench(
    settings: ToolSettings, storage: Storage, home: Path, clock: Clock
) -> AsyncIterator[Workbench]:
    """MCP servers that were started stop with the block."""
    memory, approvals = MemoryStore(storage, clock), ApprovalStore(storage, clock)
    tools: list[Tool] = [*memory_tools(memory)]
    if settings.web.duckduckgo.enabled:
        tools.append(search_tool(settings.web.duckduckgo.max_results))
    if settings.web.fetch.enabled:
        tools.append(fetch_tool(open_guarded_session))
    allow = settings.allow
    policy = Policy({"owner": allow.owner, "direct": allow.direct, "group": allow.group})
    servers = McpServers({name: entry for name, entry in settings.mcp.items() if entry.enabled}, home / "mcp", clock)
    try:
        yield Workbench(memory, approvals, Tools([HouseTools(tools), servers], policy, approvals), clock)
    finally:
        await servers.close()
