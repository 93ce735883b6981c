"""The models of the settings, by the names that agents and people use."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

import httpx

from bot.providers.attempt import Answered, Attempt
from bot.providers.bases import ModelFault
from bot.providers.cooldown import Cooldowns, DefaultCooldown
from bot.providers.errors import ProviderError
from bot.providers.failover import Failover, Group, Question, seeing_first
from bot.providers.meter import Asker, Meter
from bot.providers.port import CompletionRequest
from bot.providers.way import ModelEntry, Way, make_way
from channels.clock import Clock, unix_ms

CALL_SECONDS: Final = 300.0
"""How long one model may think before the next is asked."""
PATIENCE_SECONDS: Final = 10.0
"""How long a question waits in all for ways that cool down."""
NOBODY: Final = Asker("")
PROBE: Final = Asker("probe")


class UnknownModel(ModelFault):
    """No entry has this name; `nearest` is the most similar name there is, None when none is similar."""

    def __init__(self, name: str, nearest: str | None) -> None:
        hint = f"; did you mean {nearest!r}?" if nearest else ""
        super().__init__(f"model_list has no model_name {name!r}{hint}")
        self.nearest = nearest


class Models:
    """The settings' model list, with what is known of each way's health.

    `http` gives the connections through a proxy (None: directly). Entries with the same `model_name` share the load.
    `unlisted` makes entries of names that are in no list but in the owner's files; strangers' names never reach it.
    """

    def __init__(
        self,
        entries: Iterable[ModelEntry],
        http: Callable[[str | None], httpx.AsyncClient],
        clock: Clock,
        *,
        cooldowns: Cooldowns | None = None,
        meter: Meter | None = None,
        unlisted: Callable[[str], ModelEntry | None] = lambda _name: None,
    ) -> None:
        self._clock = clock
        self._unlisted = unlisted
        self._make_way = partial(make_way, http=http, clock=clock)
        self._ways: dict[str, list[Way]] = {}
        self._faults: dict[str, list[ModelFault]] = {}
        for entry in entries:
            ways = self._ways.setdefault(entry.model_name, [])
            try:
                ways.append(self._make_way(entry))
            except ModelFault as fault:
                self._faults.setdefault(entry.model_name, []).append(fault)
        self.cooldowns = cooldowns or Cooldowns(DefaultCooldown(), clock)
        self._failover = Failover(self.cooldowns, clock, meter)

    @property
    def names(self) -> Sequence[str]:
        """Every `model_name`, in the order of the settings."""
        return tuple(self._ways)

    def ways(self, name: str) -> Sequence[Way]:
        """Every sound way of this name; never empty. Raises UnknownModel, MissingKey or UnknownBase.

        Entries with a fault are passed over while another is sound.
        """
        ways = self._ways.get(name)
        if ways is None:
            near = difflib.get_close_matches(name, self._ways, 1)
            raise UnknownModel(name, near[0] if near else None)
        if not ways:
            raise self._faults[name][0]
        return ways

    def sees(self, names: Iterable[str]) -> bool:
        """Whether a model of one of these names is shown images."""
        return any(way.vision for name in names for way in self._ways.get(name, ()))

    def faults(self, name: str) -> Sequence[ModelFault]:
        """What is wrong with entries of this name."""
        return self._faults.get(name, ())

    def ready_ms(self, way: Way) -> int:
        """When the way may be taken again, in unix milliseconds; a time that has passed: now."""
        return self._failover.pool.ready_ms(way)

    def cooling(self) -> int:
        """How many ways are left alone for now."""
        now_ms = unix_ms(self._clock.now())
        return sum(self.ready_ms(way) > now_ms for ways in self._ways.values() for way in ways)

    async def ask(
        self,
        names: Sequence[str],
        request: CompletionRequest,
        asker: Asker = NOBODY,
        *,
        ids_of: str | None = None,
        call_seconds: float | None = CALL_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Answered:
        """Ask each key of each model in `names` until one answers; about images, those first that see. Raises NoAnswer.

        `call_seconds` bounds each call (None: the caller bounds them all). `ids_of` names the model at whose provider
        a name that no entry has is taken for an id. When every way cools down and the first is free again within
        `patience_seconds`, it is waited for.
        """
        question = Question(request, asker, call_seconds)
        groups = []
        for name in names:
            try:
                groups.append(self._group(name, ids_of))
            except ModelFault as fault:
                question.failed(name, fault)
        has_images = any(message.images for message in request.messages)
        return await self._failover.ask(seeing_first(groups) if has_images else groups, question, patience_seconds)

    async def probe(
        self, way: Way, request: CompletionRequest, call_seconds: float
    ) -> tuple[Attempt, ProviderError | ModelFault | None]:
        """Ask this way alone, also while it cools down; an answer ends its cooldown. None: it answered."""
        question = Question(request, PROBE, call_seconds)
        await self._failover.try_way(way, question)
        return question.attempts[-1], question.failure

    def _group(self, name: str, ids_of: str | None) -> Group:
        if name not in self._ways and ids_of is not None:
            return Group(self.ways(ids_of), name)
        if name not in self._ways and (entry := self._unlisted(name)) is not None:
            self._ways[name] = [self._make_way(entry)]
        return Group(self.ways(name))
