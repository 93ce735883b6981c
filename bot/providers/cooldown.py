"""How long a way to a model is left alone after it failed, kept across restarts.

The class of the failure sets the first wait; each repetition doubles it. What the provider itself asks for is obeyed.
"""

import logging
from collections import Counter
from dataclasses import dataclass
from typing import Final, Protocol

from bot.providers.attempt import CooldownClass, cooldown_class
from bot.providers.errors import Overloaded, ProviderError, Unreachable
from bot.storage.errors import StorageError
from bot.storage.port import SqlValue, Statement, Storage
from channels.clock import Clock, unix_ms

log = logging.getLogger(__name__)

LONGEST_SECONDS: Final = 3600.0
LONGEST_ASKED_SECONDS: Final = 86_400.0  # nobody is believed who asks for more than a day
SHORTEST_SECONDS: Final = 1.0
MOMENT_SECONDS: Final = 5.0  # an overloaded engine, a lost connection: often over at once; doubles up to `server`
FORGOTTEN_MS: Final = 3_600_000  # so long after its end a cooldown no longer counts as a repetition
KEPT_MS: Final = 7 * 86_400_000  # so long the owner is not told of the same key again


class CooldownSettings(Protocol):
    """Seconds of the first wait, by class."""

    @property
    def rate_limit(self) -> float: ...
    @property
    def timeout(self) -> float: ...
    @property
    def server(self) -> float: ...
    @property
    def auth(self) -> float: ...
    @property
    def billing(self) -> float: ...


@dataclass(frozen=True, slots=True)
class DefaultCooldown:
    """What holds where the settings say nothing."""

    rate_limit: float = 60
    timeout: float = 30
    server: float = 120
    auth: float = 300
    billing: float = 900


@dataclass(frozen=True, slots=True)
class WayId:
    """What a cooldown belongs to. `server` is host and port, `key` the key's label."""

    provider: str
    server: str
    key: str
    model: str


@dataclass(frozen=True, slots=True)
class Cooldown:
    """`failures` in a row, the last of them at `failed_ms`; the way is left alone until `until_ms`."""

    reason: CooldownClass
    failures: int
    failed_ms: int
    until_ms: int


def wait_seconds(error: ProviderError, reason: CooldownClass, failures: int, settings: CooldownSettings) -> float:
    """How long to leave a way alone after the last of `failures` in a row."""
    if error.retry_after_seconds is not None:
        return min(max(error.retry_after_seconds, SHORTEST_SECONDS), LONGEST_ASKED_SECONDS)
    first: float = getattr(settings, reason)
    longest = max(first, LONGEST_SECONDS)
    if isinstance(error, Overloaded | Unreachable):
        first, longest = min(MOMENT_SECONDS, first), first
    return min(first * 2.0 ** min(failures - 1, 20), longest)


class Cooldowns:
    """Every way's cooldown. `storage` None: nothing is kept beyond this process."""

    def __init__(self, settings: CooldownSettings, clock: Clock, storage: Storage | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._storage = storage
        self._cooling: dict[WayId, Cooldown] = {}
        self._unwritten: Counter[WayId] = Counter()
        self._changed: set[WayId] = set()

    async def refresh(self) -> None:
        """Read what an earlier process, or another one, has written. Raises StorageError."""
        if self._storage is None:
            return
        self._changed.clear()
        rows = await self._storage.read("cooldowns.all", {})
        found = {
            WayId(row["provider"], row["server"], row["key_label"], row["model"]): Cooldown(
                row["reason"], row["failures"], row["failed_ms"], row["until_ms"]
            )
            for row in rows
        }
        # What has changed here since the read began, or is not written yet, is newer than what was read.
        ours = self._changed | self._unwritten.keys()
        kept = {way: cooldown for way, cooldown in self._cooling.items() if way in ours}
        self._cooling = {way: cooldown for way, cooldown in found.items() if way not in ours} | kept

    def of(self, way: WayId) -> Cooldown | None:
        """The last failures in a row; None after a success. It may be over."""
        return self._cooling.get(way)

    async def failed(self, way: WayId, error: ProviderError, began_ms: int) -> None:
        """A call that began at `began_ms` has failed. Calls under way at the same time count as one failure."""
        reason = cooldown_class(error)
        if reason is None:
            return
        now_ms, before = unix_ms(self._clock.now()), self._cooling.get(way)
        if before is None or now_ms > before.until_ms + FORGOTTEN_MS:
            failures = 1
        else:
            failures = before.failures + (began_ms >= before.failed_ms)
        seconds = wait_seconds(error, reason, failures, self._settings)
        until_ms = now_ms + round(seconds * 1000)
        if before is not None and began_ms < before.failed_ms:
            until_ms = max(until_ms, before.until_ms)
        cooldown = Cooldown(reason, failures, now_ms, until_ms)
        self._cooling[way] = cooldown
        await self._keep(way, Statement("cooldowns.put", _identity(way) | _values(cooldown)))

    async def succeeded(self, way: WayId, began_ms: int) -> None:
        """A call has been answered: its way is sound, unless it failed since the call began."""
        before = self._cooling.get(way)
        if before is not None and began_ms >= before.failed_ms:
            del self._cooling[way]
            await self._keep(way, Statement("cooldowns.lift", _identity(way)))

    async def _keep(self, way: WayId, statement: Statement) -> None:
        if self._storage is None:
            return
        self._changed.add(way)
        self._unwritten[way] += 1
        try:
            await self._storage.commit([statement])
        except StorageError as error:  # an answer must not be lost because a cooldown is
            log.warning("A cooldown is not kept", extra={"error": str(error)})
        finally:
            self._unwritten[way] -= 1
            self._unwritten += Counter()  # leaves out what is zero


def forget_old(now_ms: int) -> Statement:
    """Cooldowns that nothing depends on any more."""
    return Statement("cooldowns.prune", {"before_ms": now_ms - KEPT_MS})


def _identity(way: WayId) -> dict[str, SqlValue]:
    return {"provider": way.provider, "server": way.server, "key_label": way.key, "model": way.model}


def _values(cooldown: Cooldown) -> dict[str, SqlValue]:
    return {
        "reason": cooldown.reason,
        "failures": cooldown.failures,
        "failed_ms": cooldown.failed_ms,
        "until_ms": cooldown.until_ms,
    }
