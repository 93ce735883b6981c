"""The models of an agent as its entry writes them."""

from bot.agents.port import ModelOrder


def in_order(model: str | ModelOrder | None) -> tuple[str, ...]:
    """The names to ask, the first first; empty where none is written."""
    if model is None:
        return ()
    return (model,) if isinstance(model, str) else (model.primary, *model.fallbacks)
