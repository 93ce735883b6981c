"""Pairing: a stranger's direct message is answered with a code, and the owner lets the person in with it."""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from bot.storage.errors import GuardFailed
from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms

CODE_LIFETIME = timedelta(hours=1)
CODE_LENGTH = 8
CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no 0/O, 1/I: codes are read aloud and typed


@dataclass(frozen=True, slots=True)
class Pairing:
    """A person on one bot account. `code` is None once approved."""

    channel: str
    account: str
    sender: str
    sender_name: str
    code: str | None


class PairingStore:
    """Reads and statements of pairings."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    def ask(self, channel: str, account: str, sender: str, sender_name: str) -> tuple[str, Statement]:
        """(code, statement). The statement returns a row only where the person holds no live code yet."""
        now = self._clock.now()
        code = "".join(secrets.choice(CODE_LETTERS) for _ in range(CODE_LENGTH))
        values: dict[str, SqlValue] = {
            "channel": channel,
            "account": account,
            "sender": sender,
            "sender_name": sender_name,
            "code": code,
            "now_ms": unix_ms(now),
            "expires_ms": unix_ms(now + CODE_LIFETIME),
        }
        return code, Statement("pairings.ask", values, required=True)

    async def approve(self, code: str) -> Pairing | None:
        """Let the holder of `code` in; None when no live code is like that."""
        values: dict[str, SqlValue] = {"code": code.strip().upper(), "now_ms": unix_ms(self._clock.now())}
        try:
            results = await self._storage.commit([Statement("pairings.approve", values, required=True)])
        except GuardFailed:
            return None
        row = results[0][0]
        return Pairing(row["channel"], row["account"], row["sender"], row["sender_name"], None)

    async def revoke(self, channel: str, account: str, sender: str) -> bool:
        """Shut the person out again; False when there was no such pairing."""
        values: dict[str, SqlValue] = {"channel": channel, "account": account, "sender": sender}
        try:
            await self._storage.commit([Statement("pairings.revoke", values, required=True)])
        except GuardFailed:
            return False
        return True

    async def approved(self) -> frozenset[tuple[str, str, str]]:
        """(channel, account, sender) of everybody who was let in."""
        rows = await self._storage.read("pairings.approved", {})
        return frozenset((row["channel"], row["account"], row["sender"]) for row in rows)

    async def known(self) -> list[Pairing]:
        """Those who were let in and those who hold a live code."""
        rows = await self._storage.read("pairings.list", {"now_ms": unix_ms(self._clock.now())})
        return [Pairing(row["channel"], row["account"], row["sender"], row["sender_name"], row["code"]) for row in rows]

    def forget_expired(self) -> Statement:
        return Statement("pairings.forget_expired", {"now_ms": unix_ms(self._clock.now())})
