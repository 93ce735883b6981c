"""What the bot itself said in a channel, read back to find out whether a message arrived.

https://discord.com/developers/docs/resources/message#get-channel-messages
"""

from datetime import datetime
from typing import Any, Final

from discord.utils import time_snowflake

from channels.discord.failures import AnswerLost
from channels.discord.http import DiscordHttp

PAGE: Final = 100
MOST_PAGES: Final = 5


class OwnMessages:
    """Of one account."""

    def __init__(self, user_id: str, rest: DiscordHttp) -> None:
        self._user_id = user_id
        self._rest = rest

    async def find(self, channel: str, nonce: str, contents: set[str], since: datetime) -> str | None:
        """The id of the bot's own message with `nonce` or, where Discord names none, one of `contents`.

        None when it is not there. Raises CallFailed, AnswerLost where nobody can tell.
        """
        after = time_snowflake(since)
        contents = {content.strip() for content in contents}  # as Discord keeps them
        for _ in range(MOST_PAGES):
            messages = await self._history(channel, {"after": str(after), "limit": PAGE})
            for message in messages:
                if self._is_ours(message, nonce, contents):
                    return str(message["id"])
            if not messages and not await self._history(channel, {"limit": 1}):
                raise AnswerLost("the bot may not read the history")  # which Discord shows as an empty one
            if len(messages) < PAGE:
                return None
            after = max(int(message["id"]) for message in messages)
        raise AnswerLost("too much was said since to find the message")

    async def _history(self, channel: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        page = (await self._rest.call("GET", f"/channels/{channel}/messages", query=query)).data
        return [message for message in page if isinstance(message, dict)] if isinstance(page, list) else []

    def _is_ours(self, message: dict[str, Any], nonce: str, contents: set[str]) -> bool:
        match message:
            case {"author": {"id": self._user_id}, "id": str(), "content": str(content)}:
                told = message.get("nonce")
                return told == nonce if told is not None else content.strip() in contents
            case _:
                return False
