"""Who is called by a message: the mentions in its text, as far as its sender allows them.

https://discord.com/developers/docs/resources/message#allowed-mentions-object
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from channels.simulator.discord.wire import Wire, invalid

_USER: Final = re.compile(r"<@!?(\d{15,20})>", re.ASCII)
_ROLE: Final = re.compile(r"<@&(\d{15,20})>", re.ASCII)
_EVERYONE: Final = re.compile(r"@(?:everyone|here)\b")
_KINDS: Final = frozenset({"users", "roles", "everyone"})
MOST: Final = 100


def find_mentions(content: str, allowed: Any, users: Mapping[str, Wire], *, may_call_everyone: bool) -> Wire:
    """The three fields of a message that tell of mentions. `allowed` None allows all. Raises RestError."""
    rules = check_allowed(allowed)
    parse = _KINDS if rules is None else frozenset(rules["parse"])
    named = rules or {"users": [], "roles": []}
    called = [user for user in dict.fromkeys(_USER.findall(content)) if user in users]
    roles = list(dict.fromkeys(_ROLE.findall(content)))
    return {
        "mention_everyone": may_call_everyone and "everyone" in parse and _EVERYONE.search(content) is not None,
        "mentions": [users[user] for user in called if "users" in parse or user in named["users"]],
        "mention_roles": [role for role in roles if "roles" in parse or role in named["roles"]],
    }


def check_allowed(allowed: Any) -> Wire | None:
    """`allowed` with all its fields; None for None. Raises RestError."""
    if allowed is None:
        return None
    if not isinstance(allowed, dict):
        raise invalid("allowed_mentions", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    rules: Wire = {name: allowed.get(name) or [] for name in ("parse", "users", "roles")}
    for name, value in rules.items():
        if not isinstance(value, list) or len(value) > MOST:
            raise invalid(f"allowed_mentions.{name}", "BASE_TYPE_BAD_LENGTH", f"Must be a list of at most {MOST}.")
        rules[name] = [str(each) for each in value]
    if unknown := set(rules["parse"]) - _KINDS:
        words = f"Value {min(unknown)!r} must be one of ('everyone', 'roles', 'users')."
        raise invalid("allowed_mentions.parse.0", "BASE_TYPE_CHOICES", words)
    for name in ("users", "roles"):
        if name in rules["parse"] and rules[name]:
            words = f"parse:[{name!r}] and {name}: [ids...] are mutually exclusive."
            raise invalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", words)
    return rules | {"replied_user": allowed.get("replied_user") is True}
