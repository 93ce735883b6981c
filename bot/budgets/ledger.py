"""The ledger: every call is written down and charged, and none is made for whom the day's budget is used up.

Calls under way at the same moment are checked before any of them is charged, so a budget can be passed by what they
cost; none begins after that. Nobody waits for a charge to be written but who asks what was spent: a crash can forget
the calls of its last milliseconds.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from typing_extensions import override

from bot.budgets.limits import ALL, Budgets, Price, Spent, agent_scope, cost_micros, limits_of, peer_scope
from bot.providers.attempt import Attempt
from bot.providers.bases import BudgetSpent
from bot.providers.meter import Asker, Meter
from bot.providers.port import Usage
from bot.storage.errors import StorageError
from bot.storage.port import SqlValue, Statement, Storage
from bot.storage.pruning import MOST_AT_ONCE
from channels.clock import Clock, unix_ms

log = logging.getLogger(__name__)

KEPT: Final = timedelta(days=90)


class LedgerSettings(Budgets, Protocol):
    """Prices by `<provider>/<id>` as the model list has it. Days begin at midnight in `zone`."""

    @property
    def prices(self) -> Mapping[str, Price]: ...
    @property
    def zone(self) -> ZoneInfo: ...


class Ledger(Meter):
    """Counts what models are used for."""

    def __init__(self, storage: Storage, clock: Clock, settings: LedgerSettings) -> None:
        self._storage = storage
        self._clock = clock
        self._settings = settings
        self._charges: list[Statement] = []
        self._writing: asyncio.Task[None] | None = None

    @override
    async def check(self, asker: Asker) -> None:
        limits = [
            (scope, limit)
            for scope, limit in limits_of(asker, self._settings)
            if limit.tokens is not None or limit.money is not None
        ]
        if not limits:
            return
        try:
            spent = await self.spent(asker)
        except StorageError as error:  # a question is worth more than its bill
            log.warning("A budget cannot be checked", extra={"error": str(error)})
            return
        for scope, limit in limits:
            if spent.get(scope, Spent()).reaches(limit):
                raise BudgetSpent(f"the day's budget of {scope} is used up")

    @override
    def charge(self, asker: Asker, attempt: Attempt, usage: Usage, price_names: Sequence[str]) -> None:
        prices = self._settings.prices
        micros = cost_micros(usage, next((prices[name] for name in price_names if name in prices), None))
        call: dict[str, SqlValue] = {
            "at_ms": unix_ms(self._clock.now()),
            "took_ms": round(attempt.seconds * 1000),
            "agent": asker.agent,
            "peer": asker.peer,
            "provider": attempt.provider,
            "key_label": attempt.key,
            "model": attempt.model,
            "outcome": attempt.outcome,
            "prompt": usage.prompt,
            "cached": usage.cached,
            "completion": usage.completion,
            "total": usage.total,
            "micros": micros,
        }
        day = self.today().isoformat()
        spend: dict[str, SqlValue] = {"day": day, "tokens": usage.total, "cached": usage.cached, "micros": micros}
        scopes = [scope for scope, _ in limits_of(asker, self._settings)]
        statements = [Statement("budgets.spend", {**spend, "scope": scope}) for scope in scopes]
        self._charges += [Statement("budgets.call", call), *statements]
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="ledger")

    async def spent(self, asker: Asker) -> Mapping[str, Spent]:
        """What was used today, by scope; a scope without a call is missing. Raises StorageError."""
        values: dict[str, SqlValue] = {
            "day": self.today().isoformat(),
            "agent": agent_scope(asker.agent),
            "peer": ALL if asker.peer is None else peer_scope(asker.peer),
        }
        await self.drain()
        rows = await self._storage.read("budgets.spent", values)
        return {row["scope"]: Spent(row["calls"], row["tokens"], row["cached"], row["micros"]) for row in rows}

    async def drain(self) -> None:
        """Return when every charge so far is on disk."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        while self._charges:
            charges, self._charges = self._charges, []
            try:
                await self._storage.commit(charges)
            except StorageError as error:
                log.warning("Calls are not charged", extra={"statements": len(charges), "error": str(error)})

    def prune_calls(self) -> Statement:
        """Forget some of the calls that are older than KEPT; answers them."""
        before_ms = unix_ms(self._clock.now() - KEPT)
        return Statement("budgets.prune_calls", {"before_ms": before_ms, "most": MOST_AT_ONCE})

    def prune_days(self) -> Statement:
        """Forget days that are older than KEPT."""
        return Statement("budgets.prune_days", {"before_day": (self.today() - KEPT).isoformat()})

    def today(self) -> date:
        """The day in the zone of the budgets."""
        return self._clock.now().astimezone(self._settings.zone).date()
