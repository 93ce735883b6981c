"""From the agents of bindings.yaml to agents that answer."""

import difflib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from bot.agents.port import Agent, AgentContext, AgentDefaults, AgentEntry, AgentFactory, AgentFault
from bot.providers.bases import ModelFault
from bot.providers.models import Models
from bot.tools.call import Limits
from bot.tools.port import Workshop
from channels.clock import Clock

GROUP: Final = "javis.agents"


def installed_kinds() -> Mapping[str, EntryPoint]:
    """Every kind of agent that an installed package offers. Raises AgentFault when two offer the same."""
    kinds: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        other = kinds.setdefault(point.name, point)
        if other.value != point.value:
            raise AgentFault(f"two packages offer the agent kind {point.name!r}: {other.value}, {point.value}")
    return kinds


def build_agents(
    entries: Iterable[AgentEntry],
    defaults: AgentDefaults,
    models: Models,
    clock: Clock,
    kinds: Mapping[str, EntryPoint],
    workshop: Workshop | None = None,
    tool_limits: Limits | None = None,
    chosen_model: Callable[[str], Awaitable[str | None]] | None = None,
) -> Mapping[str, Agent]:
    """The agents by their id. Only kinds in use are imported; raises AgentFault for one that is not there."""
    context = partial(AgentContext, defaults=defaults, models=models, clock=clock, workshop=workshop)
    if tool_limits is not None:
        context = partial(context, tool_limits=tool_limits)
    if chosen_model is not None:
        context = partial(context, chosen_model=chosen_model)
    return {entry.id: _built(entry, kinds, context(entry)) for entry in entries}


def _built(entry: AgentEntry, kinds: Mapping[str, EntryPoint], context: AgentContext) -> Agent:
    factory = _factory(entry, kinds)
    try:
        return factory(context)
    except (AgentFault, ModelFault):
        raise
    except Exception as error:  # a stranger's code
        name = type(error).__name__
        raise AgentFault(f"agent {entry.id!r}: kind {entry.kind!r} cannot be built: {name}") from error


def _factory(entry: AgentEntry, kinds: Mapping[str, EntryPoint]) -> AgentFactory:
    point = kinds.get(entry.kind)
    if point is None:
        near = difflib.get_close_matches(entry.kind, kinds, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(kinds))}"
        raise AgentFault(f"agent {entry.id!r}: kind {entry.kind!r} is not known; {hint}")
    try:
        factory: AgentFactory = point.load()
    except Exception as error:  # a stranger's code
        name = type(error).__name__
        raise AgentFault(f"agent {entry.id!r}: kind {entry.kind!r} ({point.value}) does not load: {name}") from error
    return factory
