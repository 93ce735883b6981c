"""From one question to one answer: key after key, model after model, until somebody answers.

Rate limits, time-outs, broken servers, refused keys and empty accounts lead on to the next way; a malformed request
does not, because every way would refuse it.
"""

import logging
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Final

from bot.providers.attempt import Answered, Attempt, NoAnswer, outcome_class
from bot.providers.bases import BudgetSpent, ModelFault
from bot.providers.breaker import Breakers
from bot.providers.cooldown import Cooldown, Cooldowns
from bot.providers.errors import (
    AuthRefused,
    MalformedRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    Unreachable,
)
from bot.providers.meter import Asker, Meter
from bot.providers.pool import Pool
from bot.providers.port import Completion, CompletionRequest
from bot.providers.way import Way
from channels.clock import Clock, deadline, unix_ms

log = logging.getLogger(__name__)

_STANDS_FOR: Final[dict[str, type[ProviderError]]] = {
    "rate_limit": RateLimited,
    "timeout": ProviderTimeout,
    "server": ProviderUnavailable,
    "auth": AuthRefused,
    "billing": QuotaExhausted,
}


@dataclass(frozen=True, slots=True)
class Group:
    """The ways of one model. `model_id` None: each way's own; otherwise the id to ask for in its place."""

    ways: Sequence[Way]
    model_id: str | None = None


def seeing_first(groups: Sequence[Group]) -> Sequence[Group]:
    """The same ways, those of all models that are shown images before those that are not."""
    seeing = [Group([way for way in group.ways if way.vision], group.model_id) for group in groups]
    blind = [Group([way for way in group.ways if not way.vision], group.model_id) for group in groups]
    return [*seeing, *blind]


@dataclass(slots=True)
class Question:
    """One question on its way. `over`: asking anybody else is of no use.

    `spent` are ways that failed without a cooldown, and so have nothing else to say to this question.
    """

    request: CompletionRequest
    asker: Asker
    call_seconds: float | None
    attempts: list[Attempt] = field(default_factory=list)
    failure: ProviderError | ModelFault | None = None
    over: bool = False
    spent: set[Way] = field(default_factory=set)

    def failed(self, model: str, failure: ProviderError | ModelFault) -> None:
        """`model` did not answer."""
        self.failure = failure
        self.over = self.over or isinstance(failure, MalformedRequest | BudgetSpent)
        facts = {"agent": self.asker.agent, "model": model, "kind": type(failure).__name__, "detail": str(failure)}
        log.warning("model failed", extra=facts)


class Failover:
    """Asks through a pool of ways and tells the pool what became of each call."""

    def __init__(self, cooldowns: Cooldowns, clock: Clock, meter: Meter | None) -> None:
        self._cooldowns = cooldowns
        self._breakers = Breakers()
        self._clock = clock
        self._meter = meter
        self.pool = Pool(cooldowns, self._breakers)

    async def ask(self, groups: Sequence[Group], question: Question, patience_seconds: float) -> Answered:
        """Raises NoAnswer. Waits up to `patience_seconds` in all for ways that cool down."""
        left = patience_seconds
        while True:
            answer = await self._ask_all(groups, question)
            if answer is not None:
                return Answered(answer, tuple(question.attempts))
            wait = self._wait_seconds(groups, question.spent)
            if question.over or wait is None or wait > left:
                failure = self._why(groups, question)
                raise NoAnswer(failure, question.attempts) from failure
            await self._clock.sleep(wait)
            left -= wait

    async def try_way(self, way: Way, question: Question, model_id: str | None = None) -> Completion | None:
        """One call, with all that follows from its end; None: it failed."""
        began, began_ms = self._clock.monotonic(), self._now_ms()
        asked = model_id or way.model_id
        result = await self._complete(way, question, asked)
        failure = result if isinstance(result, ProviderError) else None
        outcome = "ok" if failure is None else outcome_class(failure)
        attempt = Attempt(way.id.provider, way.id.key, asked, outcome, self._clock.monotonic() - began)
        question.attempts.append(attempt)
        log.debug("model asked", extra=asdict(attempt))
        if failure is None:
            self._breakers.reached(way.id.server)
            await self._cooldowns.succeeded(way.id, began_ms)
        else:
            question.failed(asked, failure)
            await self._note_failure(way, failure, began_ms, borrowed=model_id is not None)
        if self._meter is not None:
            self._meter.charge(question.asker, attempt, result.usage, way.price_names(model_id))
        return None if isinstance(result, ProviderError) else result

    async def _ask_all(self, groups: Sequence[Group], question: Question) -> Completion | None:
        """Each way that is ready once, model after model; None: nobody answered."""
        for group in groups:
            tried = set(question.spent)
            while not question.over and await self._may_spend(question):
                way = self.pool.pick(group.ways, self._now_ms(), tried)
                if way is None:
                    break
                tried.add(way)
                answer = await self.try_way(way, question, group.model_id)
                if answer is not None:
                    return answer
                if self.pool.ready_ms(way) <= self._now_ms():
                    question.spent.add(way)
        return None

    async def _may_spend(self, question: Question) -> bool:
        if self._meter is None:
            return True
        try:
            await self._meter.check(question.asker)
        except BudgetSpent as spent:
            question.failed("", spent)
            return False
        return True

    async def _complete(self, way: Way, question: Question, model_id: str) -> Completion | ProviderError:
        seconds = question.call_seconds
        try:
            async with nullcontext() if seconds is None else deadline(self._clock, seconds):
                return await way.provider.complete(model_id, question.request)
        except TimeoutError:
            if seconds is None:
                raise
            return ProviderTimeout(f"no answer within {seconds:g} s")
        except ProviderError as error:
            return error

    async def _note_failure(self, way: Way, failure: ProviderError, began_ms: int, *, borrowed: bool) -> None:
        if isinstance(failure, Unreachable):
            self._breakers.unreachable(way.id.server, self._now_ms())
        elif not isinstance(failure, ProviderTimeout):
            self._breakers.reached(way.id.server)
        # Whoever may name any id must not be able to close the way for others by naming one that is not there.
        if not (borrowed and isinstance(failure, AuthRefused)):
            await self._cooldowns.failed(way.id, failure, began_ms)

    def _wait_seconds(self, groups: Sequence[Group], spent: Collection[Way]) -> float | None:
        """None where waiting is of no use."""
        soonest = self.pool.soonest_ms([way for group in groups for way in group.ways if way not in spent])
        return None if soonest is None else max(0.0, (soonest - self._now_ms()) / 1000)

    def _why(self, groups: Sequence[Group], question: Question) -> ProviderError | ModelFault:
        """What the last one said; where nobody could be asked, what the way that is free first suffers from."""
        ways = [way for group in groups for way in group.ways]
        if question.failure is not None and (question.attempts or question.over or not ways):
            return question.failure
        if not ways:
            return ModelFault("model_list is empty")
        way = min(ways, key=self.pool.ready_ms)
        seconds = (self.pool.ready_ms(way) - self._now_ms()) / 1000
        stands_for = _error(self._cooldowns.of(way.id), self._breakers.open_until_ms(way.id.server))
        return stands_for(f"every way cools down, the first for {seconds:.0f} s more")

    def _now_ms(self) -> int:
        return unix_ms(self._clock.now())


def _error(cooldown: Cooldown | None, open_until_ms: int) -> type[ProviderError]:
    """The failure that holds a way back; with neither, it has had its calls of this minute."""
    if cooldown is not None and cooldown.until_ms >= open_until_ms:
        return _STANDS_FOR[cooldown.reason]
    return Unreachable if open_until_ms else RateLimited
