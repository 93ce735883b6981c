"""What `javis doctor` finds about models: keys, names, prices. None is asked, which would cost money."""

from collections.abc import Iterator, Mapping

from bot.providers.models import Models, UnknownModel
from bot.settings.agents import ModelOrder
from bot.settings.language_models import KIMI
from bot.settings.legacy import unlisted_entry
from bot.settings.model import Settings
from routing.entries import AgentEntry, ModelChain

Named = str | ModelOrder | ModelChain | None


def faults_of_models(models: Models, settings: Settings, agents: Mapping[str, AgentEntry]) -> Iterator[str]:
    """Each a line with its remedy."""
    for name in models.names:
        for fault in models.faults(name):
            yield str(fault)
    wanted: list[tuple[str, Named]] = [("agents.defaults.model", settings.agents.defaults.model)]
    wanted += [(f"agent {id_!r}", agent.model) for id_, agent in agents.items() if agent.kind == "llm"]
    wanted += [("agents.choices", name) for name in settings.agents.choices or ()]
    for place, named in wanted:
        for name in _names(named):
            if name not in models.names and unlisted_entry(name, settings.providers) is None:
                yield f"{place}: {_unknown(models, name)}"
    budgets = settings.budgets
    limits = [budgets.bot, budgets.agent, budgets.peer, *budgets.agents.values(), *budgets.peers.values()]
    if any(limit.money is not None for limit in limits):
        for model in sorted({entry.model for entry in settings.model_list} - set(budgets.prices)):
            yield f"budgets bound money, but {model} has no price: add it to budgets.prices, or it counts as free"
    for id_ in sorted(set(budgets.agents) - set(agents) - {KIMI}):
        yield f"budgets.agents: bindings.yaml has no agent {id_!r}"


def _names(named: Named) -> tuple[str, ...]:
    if named is None:
        return ()
    return (named,) if isinstance(named, str) else (named.primary, *named.fallbacks)


def _unknown(models: Models, name: str) -> str:
    try:
        models.ways(name)
    except UnknownModel as unknown:
        return str(unknown)
    return ""
