"""All tools under one roof: what an principal is offered, by name."""

import asyncio
from collections.abc import Mapping, Sequence

from typing_extensions import override

from bot.approvals import ApprovalStore
from bot.tools.confirmed import Confirmed
from bot.tools.policy import Policy
from bot.tools.port import Principal, Tool, ToolSource, Workshop


class Tools(Workshop):
    """Gathers the tools of every source; where two have one name, the first source's is taken.

    Risky ones ask first, and are not offered where nobody can be asked.
    """

    def __init__(self, sources: Sequence[ToolSource], policy: Policy, approvals: ApprovalStore) -> None:
        self._sources = sources
        self._policy = policy
        self._approvals = approvals

    def with_source(self, source: ToolSource) -> "Tools":
        """The same with one more source."""
        return Tools([*self._sources, source], self._policy, self._approvals)

    @override
    async def offered(self, principal: Principal, allowed: Sequence[str] | None) -> Mapping[str, Tool]:
        groups = await asyncio.gather(*(source.tools(principal.agent) for source in self._sources))
        offered: dict[str, Tool] = {}
        for tool in (tool for group in groups for tool in group):
            name = tool.spec.name
            if name in offered or not self._policy.allows(name, principal.audience, allowed):
                continue
            if not tool.risky:
                offered[name] = tool
            elif principal.can_confirm:
                offered[name] = Confirmed(tool, self._approvals)
        return offered
