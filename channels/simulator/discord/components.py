"""Buttons and menus under a message, checked as Discord checks them.

https://discord.com/developers/docs/components/reference
"""

from typing import Any, Final

from channels.simulator.discord.wire import Wire, invalid

ACTION_ROW, BUTTON, STRING_SELECT = 1, 2, 3
LINK_STYLE: Final = 5
MOST_ROWS: Final = 5
MOST_IN_ROW: Final = 5
CUSTOM_ID_LENGTH: Final = 100
LABEL_LENGTH: Final = 80


def check_components(components: Any) -> list[Wire]:
    """Rows of components; empty for None. Raises RestError."""
    if components is None:
        return []
    if not isinstance(components, list) or len(components) > MOST_ROWS:
        raise invalid("components", "BASE_TYPE_BAD_LENGTH", f"Must be between 1 and {MOST_ROWS} in length.")
    seen: set[str] = set()
    for number, row in enumerate(components):
        children = row.get("components") if isinstance(row, dict) and row.get("type") == ACTION_ROW else None
        if not isinstance(children, list) or not 1 <= len(children) <= MOST_IN_ROW:
            words = f"Must be an action row of 1 to {MOST_IN_ROW} components."
            raise invalid(f"components.{number}", "BASE_TYPE_BAD_LENGTH", words)
        for place, child in enumerate(children):
            _check_child(f"components.{number}.components.{place}", child, seen)
    return components


def custom_ids(components: list[Wire]) -> set[str]:
    return {child["custom_id"] for row in components for child in row["components"] if "custom_id" in child}


def _check_child(path: str, child: Any, seen: set[str]) -> None:
    if not isinstance(child, dict) or child.get("type") not in range(BUTTON, 9):
        raise invalid(f"{path}.type", "BASE_TYPE_CHOICES", "Value must be one of (2, 3, 4, 5, 6, 7, 8).")
    if child["type"] == BUTTON and child.get("style") == LINK_STYLE:
        if not str(child.get("url", "")).startswith(("http://", "https://", "discord://")):
            raise invalid(f"{path}.url", "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        return
    custom_id = child.get("custom_id")
    if not isinstance(custom_id, str) or not 1 <= len(custom_id) <= CUSTOM_ID_LENGTH:
        words = f"Must be between 1 and {CUSTOM_ID_LENGTH} in length."
        raise invalid(f"{path}.custom_id", "BASE_TYPE_BAD_LENGTH", words)
    if custom_id in seen:
        raise invalid(f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
    seen.add(custom_id)
    if child["type"] == BUTTON and len(str(child.get("label", ""))) > LABEL_LENGTH:
        raise invalid(f"{path}.label", "BASE_TYPE_MAX_LENGTH", f"Must be {LABEL_LENGTH} or fewer in length.")
