"""What a principal is offered."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.approvals import ApprovalStore
from bot.settings.values import HOUSE_TOOLS
from bot.storage.sqlite import open_sqlite
from bot.tools.built_in import HouseTools
from bot.tools.chats import chat_tools
from bot.tools.confirmed import MOST_SHOWN
from bot.tools.fetch import fetch_tool
from bot.tools.memory import memory_tools
from bot.tools.policy import Policy
from bot.tools.port import Audience, ToolFailed
from bot.tools.reminders import reminder_tools
from bot.tools.search import search_tool
from bot.tools.workshop import Tools
from channels.clock import ManualClock
from tests.unit.tools.setting import FakeTool, principal

POLICY = Policy({"owner": ["*"], "direct": ["web_*", "memory_recall"], "group": []})
NAMES = ("web_search", "web_fetch", "memory_recall", "chats_send")


@pytest.fixture
async def approvals(tmp_path: Path) -> AsyncIterator[ApprovalStore]:
    async with open_sqlite(tmp_path / "javis.db") as storage:
        yield ApprovalStore(storage, ManualClock())


@pytest.mark.parametrize(
    ("audience", "allowed", "names"),
    [
        ("owner", None, set(NAMES)),
        ("owner", ["web_*"], {"web_search", "web_fetch"}),
        ("owner", [], set()),
        ("direct", None, {"web_search", "web_fetch", "memory_recall"}),
        ("direct", ["chats_send"], set()),
        ("group", None, set()),
        ("group", ["*"], set()),
    ],
)
async def test_audience_and_agent_both_have_to_allow(
    approvals: ApprovalStore, audience: Audience, allowed: Sequence[str] | None, names: set[str]
) -> None:
    tools = Tools([HouseTools([FakeTool(name) for name in NAMES])], POLICY, approvals)
    assert set(await tools.offered(principal(audience), allowed)) == names


async def test_first_source_wins_a_name(approvals: ApprovalStore) -> None:
    ours, theirs = FakeTool("web_search"), FakeTool("web_search")
    tools = Tools([HouseTools([ours])], POLICY, approvals).with_source(HouseTools([theirs]))
    assert (await tools.offered(principal(), None))["web_search"] is ours


async def test_risky_tool_asks_and_does_nothing(approvals: ApprovalStore) -> None:
    risky = FakeTool("chats_send", risky=True)
    offered = await Tools([HouseTools([risky])], POLICY, approvals).offered(principal(), None)
    result = await offered["chats_send"].run({"text": "hi"}, principal())
    assert risky.calls == []
    assert result.question is not None
    assert (result.question.tool, result.question.arguments) == ("chats_send", '{\n "text": "hi"\n}')
    assert len(result.effects) == 1


async def test_risky_tool_is_not_offered_where_nobody_can_be_asked(approvals: ApprovalStore) -> None:
    tools = Tools([HouseTools([FakeTool("chats_send", risky=True)])], POLICY, approvals)
    assert await tools.offered(replace(principal(), can_confirm=False), None) == {}


async def test_nobody_is_asked_about_what_cannot_be_shown_whole(approvals: ApprovalStore) -> None:
    tools = Tools([HouseTools([FakeTool("chats_send", risky=True)])], POLICY, approvals)
    offered = await tools.offered(principal(), None)
    with pytest.raises(ToolFailed, match="too long"):
        await offered["chats_send"].run({"text": "x" * MOST_SHOWN}, principal())


def test_settings_keep_the_beginnings_of_all_tools_of_the_house() -> None:
    """Else a server could take one, and its tools would be whose the house's are."""
    missing: Any = None
    house = [*memory_tools(missing), *chat_tools(missing), search_tool(5), fetch_tool(missing)]
    house += reminder_tools(missing, missing, missing, missing, missing)
    assert {tool.spec.name.partition("_")[0] for tool in house} == HOUSE_TOOLS
