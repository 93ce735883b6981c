"""`chats_list`, `chats_send`: write to another chat of the owner's."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from bot.catalogue import Language
from bot.tools.built_in import Arguments, BuiltIn
from bot.tools.port import Effect, Principal, Tool, ToolResult


class OtherChats(Protocol):
    """The chats that the owner can be written to in, and those the owner has opened to the bot."""

    def names(self) -> Sequence[str]:
        """What `post` takes, such as `telegram:default:-100123`."""
        ...

    def post(self, chat: str, text: str, language: Language) -> Effect:
        """`text` to this chat when the turn ends. Raises ToolFailed."""
        ...


class Nothing(Arguments):
    """No arguments."""


class Send(Arguments):
    chat: str = Field(min_length=1, max_length=200, description="The chat as chats_list names it.")
    text: str = Field(min_length=1, max_length=1000)


def chat_tools(chats: OtherChats) -> Sequence[Tool]:
    """Sending is risky: the asker confirms it."""

    async def names(_arguments: Nothing, _principal: Principal) -> ToolResult:
        return ToolResult("\n".join(chats.names()) or "there are no other chats")

    async def send(arguments: Send, principal: Principal) -> ToolResult:
        effect = chats.post(arguments.chat, arguments.text, principal.language)
        return ToolResult("it is sent when you have answered", [effect])

    return (
        BuiltIn("chats_list", "The chats that you may write to.", Nothing, names),
        BuiltIn("chats_send", "Write a message to another chat.", Send, send, risky=True),
    )
