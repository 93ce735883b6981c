"""The gateway's Bearer tokens: made by `javis token create`, kept as hashes, compared in constant time."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.storage.port import Row, SqlValue, Statement, Storage
from channels.clock import Clock, from_unix_ms, unix_ms

PREFIX: Final = "javis_"
RANDOM_BYTES: Final = 32
ENVIRONMENT: Final = "environment"  # the name of the token in JAVIS_GATEWAY_TOKEN


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token. `expires` None: never; `revoked` None: it is good."""

    id: str
    name: str
    created: datetime
    expires: datetime | None
    revoked: datetime | None


class TokenStore:
    """Reads and statements of tokens."""

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock

    async def create(self, name: str, lifetime: timedelta | None) -> str:
        """A new token in plain text: it is told this once, only its hash is kept."""
        token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
        now = self._clock.now()
        values: dict[str, SqlValue] = {
            "id": secrets.token_hex(4),
            "name": name,
            "hash": digest(token),
            "now_ms": unix_ms(now),
            "expires_ms": None if lifetime is None else unix_ms(now + lifetime),
        }
        await self._storage.commit([Statement("tokens.create", values, required=True)])
        return token

    async def revoke(self, token_id: str) -> None:
        """Raises GuardFailed when there is no good token of this id."""
        values: dict[str, SqlValue] = {"id": token_id, "now_ms": unix_ms(self._clock.now())}
        await self._storage.commit([Statement("tokens.revoke", values, required=True)])

    async def known(self) -> list[Token]:
        """All of them, the newest first."""
        return [_token(row) for row in await self._storage.read("tokens.list", {})]

    async def good(self) -> list[tuple[str, str, datetime | None]]:
        """(name, hash, expiry) of every token that is not revoked."""
        return [
            (row["name"], row["hash"], _moment(row["expires_ms"]))
            for row in await self._storage.read("tokens.good", {})
        ]


class Doorkeeper:
    """Knows who a token belongs to. `refresh` reads the tokens anew after somebody changed them."""

    def __init__(self, store: TokenStore, clock: Clock, from_environment: str | None) -> None:
        self._store = store
        self._clock = clock
        self._fixed = [] if from_environment is None else [(ENVIRONMENT, digest(from_environment), None)]
        self._good: Sequence[tuple[str, str, datetime | None]] = self._fixed

    async def refresh(self) -> None:
        """Raises StorageError; the tokens known so far then stay good."""
        self._good = [*self._fixed, *await self._store.good()]

    @property
    def knows_any(self) -> bool:
        """False while nobody can be let in."""
        return bool(self._good)

    def name_of(self, token: str) -> str | None:
        """The name of a good token; None for any other. Takes as long whichever it is."""
        return self.name_of_digest(digest(token))

    def name_of_digest(self, given: str) -> str | None:
        """The same for whoever has shown it before, and keeps no more of it than its digest."""
        now, found = self._clock.now(), None
        for name, known, expires in self._good:
            if hmac.compare_digest(given, known) and (expires is None or now < expires):
                found = name
        return found


def digest(token: str) -> str:
    """SHA-256 is enough for what is random: there is nothing to guess (ASVS 5.0, 11.4.2 concerns passwords)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def bearer(header: str) -> str | None:
    """The token of an Authorization header; None where there is none."""
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def is_strong(token: str) -> bool:
    """At least 128 bits, judged by length and by how many different characters there are."""
    return len(token) >= 22 and len(set(token)) >= 10


def _token(row: Row) -> Token:
    return Token(
        row["id"],
        row["name"],
        from_unix_ms(row["created_ms"]),
        _moment(row["expires_ms"]),
        _moment(row["revoked_ms"]),
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else from_unix_ms(milliseconds)
