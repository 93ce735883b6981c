"""How a binding is written in bindings.yaml."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from routing.binding import Binding, Match

_PLAIN: Final = re.compile(r"[a-z][a-z0-9_-]*")
_NOT_TEXT: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def match_data(match: Match) -> dict[str, Any]:
    """What stands under `match`."""
    data: dict[str, Any] = {}
    for name, value in match.fields:
        first, _, second = name.partition(".")
        if second:
            data.setdefault(first, {})[second] = value
        else:
            data[name] = value
    if match.roles:
        data["roles"] = sorted(match.roles)
    return data


def binding_data(binding: Binding) -> dict[str, Any]:
    """What stands for a binding; `priority` only where it is not the usual one."""
    data: dict[str, Any] = {"agent": binding.agent, "match": match_data(binding.match)}
    return data | ({"priority": binding.priority} if binding.priority else {})


def in_one_line(value: Any) -> str:
    """`value` in the flow style of YAML: `{agent: ops, match: {channel: telegram}}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{in_one_line(key)}: {in_one_line(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value not in _NOT_TEXT
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(in_one_line, value)) + "]"
    return json.dumps(value)


def in_lines(data: Mapping[str, Any]) -> list[str]:
    """A binding in block style, without its dash: a line for each key, and those of `match` below it."""
    lines = []
    for key, value in data.items():
        if key == "match" and value:
            lines += ["match:", *(f"  {name}: {in_one_line(inner)}" for name, inner in value.items())]
        else:
            lines.append(f"{key}: {in_one_line(value)}")
    return lines
