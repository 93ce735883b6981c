"""One call of a tool within its limits."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest
from typing_extensions import override

from bot.providers.port import ToolCall
from bot.tools.call import Limits, run_call
from bot.tools.port import Principal, ToolFailed, ToolResult
from channels.clock import ManualClock
from tests.unit.tools.setting import FakeTool, principal

LIMITS = Limits(seconds=5, characters=20)


async def run(tool: FakeTool, arguments: str = "{}", name: str | None = None) -> str:
    call = ToolCall("1", name or tool.name, arguments)
    return (await run_call(call, {tool.name: tool}, principal(), ManualClock(), LIMITS)).text


async def test_result_comes_back_and_arguments_arrive() -> None:
    tool = FakeTool("look")
    assert await run(tool, '{"a": 1}') == "ok"
    assert tool.calls == [{"a": 1}]


async def test_unknown_tool_is_told_to_the_model() -> None:
    assert await run(FakeTool("look"), name="delete_all") == "error: there is no such tool in this conversation"


@pytest.mark.parametrize("arguments", ["{", "[]", "1", '"x"', "[" * 50_000, "x" * 200_000, '{"a": "\\ud800"}'])
async def test_nonsense_as_arguments_never_reaches_the_tool(arguments: str) -> None:
    tool = FakeTool("look")
    assert (await run(tool, arguments)).startswith("error: the arguments")
    assert tool.calls == []


async def test_no_arguments_at_all_are_an_empty_object() -> None:
    tool = FakeTool("look")
    await run(tool, " ")
    assert tool.calls == [{}]


async def test_long_result_is_cut_and_says_so() -> None:
    assert await run(FakeTool("look", "x" * 30)) == "x" * 20 + "\n[cut here: 10 more characters]"


async def test_failure_of_the_tool_is_a_result() -> None:
    assert await run(FakeTool("look", ToolFailed("closed"))) == "error: closed"


async def test_fault_of_ours_is_logged_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert await run(FakeTool("look", RuntimeError("secret"))) == "error: the tool does not work right now"
    assert "A tool failed" in caplog.text


class Slow(FakeTool):
    @override
    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        await asyncio.Event().wait()
        raise AssertionError


async def test_tool_that_takes_too_long_is_stopped() -> None:
    clock = ManualClock()
    calling = asyncio.create_task(
        run_call(ToolCall("1", "slow", "{}"), {"slow": Slow("slow")}, principal(), clock, LIMITS)
    )
    await clock.advance(5)
    assert (await calling).text == "error: no result within 5 s"
