"""A turn as the model reads it: pure, from texts and records to chat messages.

What strangers write or call themselves stands in `user` messages only, never in the system prompt.
"""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot.agents.port import Turn
from bot.providers.port import ChatMessage
from bot.sessions.transcript import Record

HISTORY_CHARACTERS: Final = 60_000
"""About 60,000 tokens of Chinese, 15,000 of English: half the window of the smallest model in common use."""
_NAME_CHARACTERS: Final = 64
_GROUP_NOTE: Final = (
    "Several people talk in this chat. Each of their messages opens with the speaker's name and a colon; "
    "do not open yours so."
)


def build_prompt(
    agent_name: str, texts: Sequence[str], records: Sequence[Record], turn: Turn, limit: int
) -> list[ChatMessage]:
    """The whole prompt: system message, fitted history, and what was just said.

    `texts` are the owner's instructions; `limit` is how many records were asked of the history.
    """
    system = system_prompt(agent_name, texts, turn.moment, is_direct=turn.is_direct)
    prompt = [ChatMessage("system", system)]
    prompt += [_recalled(record, is_direct=turn.is_direct) for record in fit_history(records, limit)]
    prompt.append(ChatMessage("user", _spoken(turn.text, turn.sender_name, is_direct=turn.is_direct)))
    return prompt


def system_prompt(agent_name: str, texts: Sequence[str], moment: datetime, *, is_direct: bool) -> str:
    """Who the agent is and what its owner wrote; the time stands last, because only it changes each turn."""
    note = () if is_direct else (_GROUP_NOTE,)
    now = f"It is {moment.isoformat(' ', 'minutes')} ({moment:%A}, time zone {moment.tzname()})."
    return "\n\n".join((f"You are {agent_name}.", *texts, *note, now))


def fit_history(records: Sequence[Record], limit: int, characters: int = HISTORY_CHARACTERS) -> Sequence[Record]:
    """The newest records, at most `limit`, whose contents together have at most `characters`.

    Where older ones were cut off, what is left begins with a user's record, not with the answer to one that
    is gone.
    """
    asked = records[-limit:] if limit > 0 else records[:0]
    newest = [record for record in asked if record.role in ("user", "assistant") and record.content]
    start, left = len(newest), characters
    while start > 0 and len(newest[start - 1].content) <= left:
        start -= 1
        left -= len(newest[start].content)
    if start > 0 or len(asked) == limit:
        while start < len(newest) and newest[start].role != "user":
            start += 1
    return newest[start:]


def clean_name(name: str) -> str:
    """A speaker's name that cannot pass for more than a name: one short line without colons or unseen marks."""
    plain = "".join(" " if char in ":：" or unicodedata.category(char)[0] in "CZ" else char for char in name)
    return " ".join(plain.split())[:_NAME_CHARACTERS] or "?"


def _recalled(record: Record, *, is_direct: bool) -> ChatMessage:
    if record.role != "user":
        reasoning = record.metadata.get("reasoning")
        return ChatMessage("assistant", record.content, reasoning=reasoning if isinstance(reasoning, str) else None)
    sender = record.metadata.get("sender")
    if not isinstance(sender, str):
        return ChatMessage("user", record.content)
    return ChatMessage("user", _spoken(record.content, sender, is_direct=is_direct))


def _spoken(text: str, sender_name: str, *, is_direct: bool) -> str:
    return text if is_direct else f"{clean_name(sender_name)}: {text}"
