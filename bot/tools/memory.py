"""Tools for memory: note something, recall what was said, forget a note. Each sees this conversation's memory alone."""

from collections.abc import Sequence
from typing import Final

from pydantic import Field

from bot.memory.memory import Memory
from bot.memory.store import MemoryStore
from bot.tools.built_in import Arguments, BuiltIn
from bot.tools.port import Effect, Principal, Tool, ToolFailed, ToolResult

MOST_RECALLED: Final = 20


class Note(Arguments):
    text: str = Field(min_length=1, max_length=2000, description="One fact, in a sentence that tells all by itself.")


class Recall(Arguments):
    query: str = Field(min_length=1, max_length=500, description="Words that it holds.")
    limit: int = Field(default=8, ge=1, le=MOST_RECALLED)


class Forget(Arguments):
    number: int = Field(ge=1, description="The note's number, as memory_recall shows it.")


def memory_tools(store: MemoryStore) -> Sequence[Tool]:
    """`memory_note`, `memory_recall`, `memory_forget`."""

    async def note(arguments: Note, principal: Principal) -> ToolResult:
        statements = store.note(principal.session_key, arguments.text, principal.sender)
        return ToolResult("noted", [Effect(statements)])

    async def recall(arguments: Recall, principal: Principal) -> ToolResult:
        found = await store.recall(principal.session_key, arguments.query, arguments.limit)
        return ToolResult("\n".join(map(_line, found)) if found else "nothing is remembered about this")

    async def forget(arguments: Forget, principal: Principal) -> ToolResult:
        if not await store.has_note(principal.session_key, arguments.number):
            raise ToolFailed("there is no such note")
        return ToolResult("forgotten", [Effect([store.forget_note(principal.session_key, arguments.number)])])

    return (
        BuiltIn("memory_note", "Remember a fact about this conversation or its people for good.", Note, note),
        BuiltIn("memory_recall", "Search what was said and noted earlier in this conversation.", Recall, recall),
        BuiltIn("memory_forget", "Forget a note.", Forget, forget),
    )


def _line(memory: Memory) -> str:
    who = f"note {memory.id}" if memory.kind == "note" else memory.speaker or "you"
    return f"[{memory.created:%Y-%m-%d %H:%M} UTC, {who}] {memory.text}"
