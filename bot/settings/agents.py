"""What javis.yaml says of agents; they themselves stand in bindings.yaml."""

from pydantic import Field

from channels.config import Strict


class ModelOrder(Strict):
    """A model's name, and those to ask in its place, in order."""

    primary: str
    fallbacks: list[str] = Field(default_factory=list)


class AgentDefaults(Strict):
    """What holds for each agent that says nothing else.

    None for `model`: the first of the model list; for the others: nothing is sent or read.
    `history_limit` counts records of the transcript, `history_characters` what they hold: set it lower for a model with
    a small window. 60,000 are about as many tokens of Chinese, 15,000 of English.
    """

    model: str | ModelOrder | None = None
    workspace: str | None = None
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    history_limit: int = Field(default=50, ge=0)
    history_characters: int = Field(default=60_000, ge=1_000)


class AgentSettings(Strict):
    """`agents`: the agents themselves stand in bindings.yaml. `choices` may be chosen by `/model` (None: all)."""

    defaults: AgentDefaults = Field(default_factory=AgentDefaults)
    choices: list[str] | None = None
