"""Tools of the house: a model for the arguments, a function that does the work."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import override

from bot.providers.port import ToolSpec
from bot.tools.port import Principal, Tool, ToolFailed, ToolResult, ToolSource


class Arguments(BaseModel):
    """Arguments as a model writes them: numbers in quotes are fine, unknown names are not."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


M = TypeVar("M", bound=Arguments)


class BuiltIn(Tool, Generic[M]):
    """`description` is what the model reads; the parameters' fields carry their own."""

    def __init__(
        self,
        name: str,
        description: str,
        parameters: type[M],
        work: Callable[[M, Principal], Awaitable[ToolResult]],
        *,
        risky: bool = False,
    ) -> None:
        self._name = name
        self._description = description
        self._parameters = parameters
        self._work = work
        self.risky = risky

    @cached_property
    @override
    def spec(self) -> ToolSpec:
        schema = self._parameters.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        for field in schema.get("properties", {}).values():
            field.pop("title", None)
        return ToolSpec(self._name, self._description, schema)

    @override
    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        try:
            parsed = self._parameters.model_validate(arguments)
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=False, include_context=False)
            told = "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}" for fault in faults)
            raise ToolFailed(f"wrong arguments: {told}") from None
        return await self._work(parsed, principal)


class HouseTools(ToolSource):
    """The tools that this process has for every agent."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = tools

    @override
    async def tools(self, agent: str) -> Sequence[Tool]:
        return self._tools
