"""`web_search`: DuckDuckGo, by the library `ddgs`."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from ddgs import DDGS
from ddgs.exceptions import DDGSException
from pydantic import Field

from bot.tools.built_in import Arguments, BuiltIn
from bot.tools.port import Principal, Tool, ToolFailed, ToolResult

TIMEOUT_SECONDS: Final = 15
SEARCHES_AT_ONCE: Final = 4

Find = Callable[[str, int], Sequence[Mapping[str, Any]]]
"""(words, most results) to results with `title`, `href` and `body`. It blocks; raises DDGSException."""


class Search(Arguments):
    query: str = Field(min_length=1, max_length=400, description="What you would type into a search box.")


def find_on_duckduckgo(query: str, most: int) -> Sequence[Mapping[str, Any]]:
    """Raises DDGSException, also where nothing is found."""
    return DDGS(timeout=TIMEOUT_SECONDS).text(query, max_results=most, backend="duckduckgo")


def search_tool(most: int, find: Find = find_on_duckduckgo) -> Tool:
    """At most `most` results."""
    # Of its own: the threads that everybody shares are few, and an engine may be slow.
    threads = ThreadPoolExecutor(SEARCHES_AT_ONCE, thread_name_prefix="web-search")

    async def search(arguments: Search, _principal: Principal) -> ToolResult:
        try:
            results = await asyncio.get_running_loop().run_in_executor(threads, find, arguments.query, most)
        except DDGSException as error:
            if "no results" in str(error).lower():
                return ToolResult("nothing was found")
            raise ToolFailed("the search does not answer right now") from None
        return ToolResult("\n\n".join(map(_told, results[:most])) or "nothing was found")

    return BuiltIn("web_search", "Search the web; web_fetch reads what is found.", Search, search)


def _told(result: Mapping[str, Any]) -> str:
    return "\n".join(str(result.get(part, ""))[:1000] for part in ("title", "href", "body"))
