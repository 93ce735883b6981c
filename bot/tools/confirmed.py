"""A tool that acts on the outside: a call becomes a question to the asker, and is done when the asker allows it."""

import json
from collections.abc import Mapping
from typing import Any, Final

from typing_extensions import override

from bot.approvals import ApprovalStore
from bot.providers.port import ToolSpec
from bot.tools.port import Effect, Principal, Question, Tool, ToolFailed, ToolResult

MOST_SHOWN: Final = 1500
"""Characters of arguments: nobody allows what he was not shown whole."""


class Confirmed(Tool):
    """`inner` is the tool itself, for the call that was allowed."""

    def __init__(self, inner: Tool, approvals: ApprovalStore) -> None:
        self.inner = inner
        self.risky = True
        self._approvals = approvals

    @property
    @override
    def spec(self) -> ToolSpec:
        return self.inner.spec

    @override
    async def run(self, arguments: Mapping[str, Any], principal: Principal) -> ToolResult:
        """Asks; nothing is done. Raises ToolFailed for a call that is too long to be shown."""
        shown = json.dumps(arguments, ensure_ascii=False, indent=1)
        if len(shown) > MOST_SHOWN:
            raise ToolFailed(f"this must be confirmed, and is too long to be shown: at most {MOST_SHOWN} characters")
        name = self.spec.name
        nonce, statement = self._approvals.ask(
            principal.agent, principal.session_key, name, shown, principal.place, principal.sender
        )
        text = "not done yet: a button below your answer asks the person to allow it. Say so in one short sentence."
        return ToolResult(text, [Effect([statement])], Question(nonce, name, shown))
