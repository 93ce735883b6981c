"""Web search. The library's own calls leave this machine, so here it is asked in the engine's place."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ddgs import DDGS
from ddgs.exceptions import DDGSException, RatelimitException

from bot.tools.port import ToolFailed
from bot.tools.search import search_tool
from tests.patience import PATIENCE_SECONDS
from tests.unit.tools.setting import principal

FOUND = [{"title": f"T{number}", "href": f"https://{number}.example", "body": "words"} for number in range(9)]


async def test_results_are_listed_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def text(_self: object, query: str, **options: object) -> Sequence[Mapping[str, Any]]:
        asked.append((query, options["max_results"], options["backend"]))
        return FOUND

    monkeypatch.setattr(type(DDGS()), "text", text)
    result = await search_tool(2).run({"query": "cats"}, principal())
    assert result.text == "T0\nhttps://0.example\nwords\n\nT1\nhttps://1.example\nwords"
    assert asked == [("cats", 2, "duckduckgo")]


async def test_nothing_found_is_an_answer() -> None:
    def find(_query: str, _most: int) -> Sequence[Mapping[str, Any]]:
        raise DDGSException("No results found.")

    assert (await search_tool(5, find).run({"query": "x"}, principal())).text == "nothing was found"


async def test_engine_that_refuses_is_a_failure_without_its_words() -> None:
    def find(_query: str, _most: int) -> Sequence[Mapping[str, Any]]:
        raise RatelimitException("https://inner 202")

    with pytest.raises(ToolFailed, match="not answer right now"):
        await search_tool(5, find).run({"query": "x"}, principal())


async def test_searches_that_wait_hold_up_no_other_work() -> None:
    """Turns read their workspaces in threads too, which are few."""
    answers, begun = threading.Event(), threading.Event()
    given_up = list[str]()

    def find(query: str, _most: int) -> Sequence[Mapping[str, Any]]:
        begun.set()
        if not answers.wait(PATIENCE_SECONDS / 4):
            given_up.append(query)
        return FOUND

    tool = search_tool(1, find)
    async with asyncio.TaskGroup() as group:
        for _ in range(40):
            group.create_task(tool.run({"query": "x"}, principal()))
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not begun.is_set():
                    await asyncio.sleep(0)
                assert await asyncio.to_thread(lambda: not given_up), "a search had to end first"
        finally:
            answers.set()


@pytest.mark.parametrize("arguments", [{}, {"query": ""}, {"query": "x" * 401}, {"query": "x", "extra": 1}])
async def test_wrong_arguments_are_explained(arguments: dict[str, Any]) -> None:
    with pytest.raises(ToolFailed, match="wrong arguments: "):
        await search_tool(5, lambda *_: FOUND).run(arguments, principal())
