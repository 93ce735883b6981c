"""What tools are tried with."""

from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from bot.providers.port import ToolSpec
from bot.tools.port import Audience, Principal, Tool, ToolResult
from channels.message import Destination


def principal(audience: Audience = "owner", sender: str = "1") -> Principal:
    place = Destination("telegram", "default", sender if audience != "group" else "-5")
    return Principal(audience, "main", f"agent:main:telegram:direct:{sender}", place, sender, "en")


class FakeTool(Tool):
    """Answers with `text`, or raises it where it is an exception; notes its arguments."""

    def __init__(self, name: str, answer: str | Exception = "ok", *, risky: bool = False) -> None:
        self.name = name
        self.risky = risky
        self.answer = answer
        self.calls: list[Mapping[str, Any]] = []

    @property
    @override
    def spec(self) -> ToolSpec:
        return ToolSpec(self.name, f"does {self.name}", {"type": "object", "properties": {}})

    @override
    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        self.calls.append(arguments)
        if isinstance(self.answer, Exception):
            raise self.answer
        return ToolResult(self.answer)


class Box:
    """A workshop that offers the same to everyone."""

    def __init__(self, *tools: Tool) -> None:
        self.tools = tools

    async def offered(self, principal: Principal, allowed: Sequence[str] | None) -> Mapping[str, Tool]:
        return {tool.spec.name: tool for tool in self.tools}
