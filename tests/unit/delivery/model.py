"""The outbox as a plain model: lists in memory, no database, no tasks, one step after another."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Literal

Outcome = Literal["taken", "not_sent", "unknown", "rate_limited", "refused", "chat_closed", "hangs"]
Settled = Literal["arrived", "did_not", "nobody_knows", "rate_limited"]

WAITS = (5, 25, 120, 600)  # seconds
LIFETIME = {"answer": 24 * 3600, "notice": 7 * 24 * 3600, "heartbeat": 3600}
RETRY_AFTER = 7


@dataclass
class ModelRow:
    """One row. Times in seconds since the start; `attempted` None: a person has decided to send it."""

    text: str
    chat: str
    kind: str
    due: float
    expires: float
    state: str = "queued"
    reason: str = ""
    attempts: int = 0
    duplicate: bool = False
    attempted: float | None = None


@dataclass
class Model:
    """What should be on disk and on the platform. `outcomes` holds what each chat's next sends come to."""

    now: float = 0
    rows: list[ModelRow] = field(default_factory=list)
    arrived: dict[str, list[tuple[str, bool]]] = field(default_factory=lambda: defaultdict(list))
    outcomes: dict[str, deque[Outcome]] = field(default_factory=lambda: defaultdict(deque))
    closed: set[str] = field(default_factory=set)
    settled: Settled = "nobody_knows"

    def enqueue(self, text: str, chat: str, kind: str) -> None:
        row = ModelRow(text, chat, kind, self.now, self.now + LIFETIME[kind])
        if chat in self.closed:
            row.state, row.reason = "failed", "chat_closed"
        self.rows.append(row)

    def work(self) -> None:
        """Each chat goes on until it is empty or its first row has to wait."""
        for chat in {row.chat for row in self.rows}:
            while self._first(chat) is not None and self._one(chat):
                pass

    def restart(self) -> None:
        for row in self.rows:
            if row.state == "attempting":
                row.state, row.reason, row.due, row.duplicate = "queued", "interrupted", self.now, True
                row.attempts -= 1

    def retry(self, row: ModelRow) -> None:
        row.duplicate = row.duplicate or row.state == "unknown"
        row.state, row.reason, row.attempts, row.due, row.attempted = "queued", "", 0, self.now, None
        row.expires = max(row.expires, self.now + LIFETIME[row.kind])

    def drop(self, row: ModelRow) -> None:
        row.state, row.reason = "failed", "dropped"

    def _first(self, chat: str) -> ModelRow | None:
        """The row whose turn it is; None when there is none or it has to wait."""
        waiting = [row for row in self.rows if row.chat == chat and row.state in {"queued", "attempting"}]
        if not waiting or any(row.state == "attempting" for row in waiting) or waiting[0].due > self.now:
            return None
        return waiting[0]

    def _one(self, chat: str) -> bool:
        """Deal with the chat's first row; False when the chat has to wait then."""
        row = self._first(chat)
        assert row is not None
        if row.expires <= self.now and not row.duplicate:
            return self._end(row, "failed", "expired")
        row.attempts += 1
        row.attempted = row.attempted if row.duplicate else self.now
        if row.duplicate and row.attempted is not None:
            if self.settled == "arrived":
                return self._end(row, "sent", row.reason)
            if self.settled == "rate_limited":
                return self._again(row, self.now + RETRY_AFTER, "rate_limited", charged=False)
            if self.settled == "did_not":
                row.duplicate = False
            elif row.kind == "heartbeat":
                return self._end(row, "unknown", row.reason)
        if row.expires <= self.now:
            return self._end(row, "unknown" if row.duplicate else "failed", "expired")
        return self._send(row)

    def _send(self, row: ModelRow) -> bool:  # noqa: PLR0911 - a line an outcome
        script = self.outcomes[row.chat]
        outcome = script.popleft() if script else "taken"
        given_up = "unknown" if row.duplicate else "failed"
        if outcome == "taken":
            self.arrived[row.chat].append((row.text, row.duplicate))
            return self._end(row, "sent", row.reason)
        if outcome == "hangs":
            row.state = "attempting"
            return False
        if outcome == "refused":
            return self._end(row, given_up, "refused")
        if outcome == "chat_closed":
            self.closed.add(row.chat)
            self._end(row, given_up, "chat_closed")
            for other in self.rows:
                if other.chat == row.chat and other.state == "queued":
                    self._end(other, "failed", "chat_closed")
            return False
        if outcome == "rate_limited":
            return self._again(row, self.now + RETRY_AFTER, "rate_limited", charged=False)
        if row.attempts >= 5:
            return self._end(row, "unknown" if outcome == "unknown" else given_up, "attempts_used_up")
        due = self.now + WAITS[row.attempts - 1]
        if outcome == "not_sent":
            return self._again(row, due, "not_sent", charged=True)
        row.state, row.reason, row.due, row.duplicate = "queued", "outcome_unknown", due, True
        return False

    def _again(self, row: ModelRow, due: float, reason: str, *, charged: bool) -> bool:
        if due >= row.expires:
            return self._end(row, "unknown" if row.duplicate else "failed", "expired")
        row.state, row.reason, row.due = "queued", reason, due
        row.attempts -= not charged
        return False

    @staticmethod
    def _end(row: ModelRow, state: str, reason: str) -> bool:
        row.state, row.reason = state, reason
        return True
