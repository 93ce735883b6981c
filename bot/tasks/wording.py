"""How a person asks for a task: `Kimi: name=報告 priority=high 寫一份…`. Pure."""

import re
from dataclasses import dataclass
from typing import Final, cast, get_args

from bot.tasks.task import Priority

_OPENING: Final = re.compile(r"kimi\s*[:：]\s*", re.IGNORECASE)
_OPTION: Final = re.compile(r'(name|model|agent|temperature|priority)=(?:"([^"]*)"|(\S+))\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Wording:
    """What was asked. None: not said. `prompt` is empty when only options, or nothing, was written."""

    prompt: str
    name: str | None = None
    model: str | None = None
    temperature: float | None = None
    priority: Priority = "normal"
    agent: str | None = None


class BadOption(ValueError):
    """An option with a value that it cannot have."""

    def __init__(self, option: str, value: str, allowed: str) -> None:
        super().__init__(f"{option}={value}: {allowed}")
        self.option = option
        self.value = value
        self.allowed = allowed


def task_text(text: str) -> str | None:
    """What stands after an opening `Kimi:`; None when the text does not open so."""
    opening = _OPENING.match(text)
    return None if opening is None else text[opening.end() :]


def read_wording(text: str) -> Wording:
    """Options count only in front of the task, so that a task may speak of `name=` itself. Raises BadOption."""
    options: dict[str, str] = {}
    rest = text.strip()
    while option := _OPTION.match(rest):
        options[option[1].lower()] = option[2] if option[2] is not None else option[3]
        rest = rest[option.end() :]
    priority = options.get("priority", "normal").lower()
    if priority not in get_args(Priority):
        raise BadOption("priority", priority, "high, normal, low")
    return Wording(
        prompt=rest,
        name=options.get("name") or None,
        model=options.get("model") or None,
        agent=options.get("agent") or None,
        temperature=read_temperature(options.get("temperature")),
        priority=cast("Priority", priority),
    )


def read_temperature(text: str | None) -> float | None:
    """A number from 0 to 2, None for None. Raises BadOption."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 2:
        raise BadOption("temperature", text, "0 … 2")
    return value
