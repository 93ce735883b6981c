"""What agents want to do and their askers have to allow: asked once, answered once, by the asker alone.

An answer is taken before anything is done: a process that dies in between has done nothing, and nothing is ever
done twice.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.storage.port import Row, SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms
from channels.message import Destination

GOOD_FOR: Final = timedelta(minutes=10)
_KEEP: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Approval:
    """One open question. `arguments` is JSON; `place` the chat and `sender` the person that may answer."""

    nonce: str
    agent: str
    session_key: str
    tool: str
    arguments: str
    place: Destination
    sender: str

    def is_for(self, place: Destination, sender: str | None) -> bool:
        """Whether this person may answer here; the thread of the chat is no matter."""
        here = (place.channel, place.account, place.chat)
        return (self.place.channel, self.place.account, self.place.chat) == here and self.sender == sender


class ApprovalStore:
    """Reads and statements of approvals."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def ask(
        self, agent: str, session_key: str, tool: str, arguments: str, place: Destination, sender: str
    ) -> tuple[str, Statement]:
        """(nonce, statement) of a new question."""
        nonce, now = secrets.token_urlsafe(16), self._clock.now()
        values: dict[str, SqlValue] = {
            "nonce": nonce,
            "agent": agent,
            "session_key": session_key,
            "tool": tool,
            "arguments": arguments,
            "channel": place.channel,
            "account": place.account,
            "chat": place.chat,
            "sender": sender,
            "now_ms": unix_ms(now),
            "expires_ms": unix_ms(now + GOOD_FOR),
        }
        return nonce, Statement("approvals.ask", values)

    async def find(self, nonce: str) -> Approval | None:
        """The question, while it is open."""
        rows = await self._storage.read("approvals.find", {"nonce": nonce, "now_ms": self._now_ms()})
        return _approval(rows[0]) if rows else None

    def allow(self, nonce: str) -> Statement:
        """Fails unless the question is open."""
        return self._answer(nonce, "allowed")

    def deny(self, nonce: str) -> Statement:
        """Fails unless the question is open."""
        return self._answer(nonce, "denied")

    def prune(self) -> Statement:
        """Forget what is long over."""
        return Statement("approvals.prune", {"before_ms": unix_ms(self._clock.now() - _KEEP)})

    def _answer(self, nonce: str, state: str) -> Statement:
        return Statement("approvals.answer", {"nonce": nonce, "state": state, "now_ms": self._now_ms()}, required=True)

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())


def _approval(row: Row) -> Approval:
    place = Destination(row["channel"], row["account"], row["chat"])
    return Approval(row["nonce"], row["agent"], row["session_key"], row["tool"], row["arguments"], place, row["sender"])
